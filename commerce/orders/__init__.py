"""Orders: their lines, packages, tracking and the LIVE room they came from."""
