"""The sites a workspace sells on: one shop per site."""
