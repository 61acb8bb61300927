"""LIVE rooms."""
