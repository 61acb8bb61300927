"""What is in which warehouse."""
