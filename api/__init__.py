"""The edge: HTTP and WebSocket in and out, settings, sign-in, command line."""
