"""Alembic: how the tables came to be, one dated file a change."""
