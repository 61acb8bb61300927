"""What a client can ask: Strawberry types and thin resolvers, one file per noun."""
