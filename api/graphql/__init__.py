"""GraphQL over HTTP, WebSocket and SSE: one execution, three transports."""
