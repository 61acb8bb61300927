"""The demo workspaces, and the LIVE room that plays in one of them."""
