"""`seller doctor`: what is wrong with a set-up, and how to mend it."""


def doctor() -> None:
    """Check settings, Postgres, the role, the tables, Redis and the pages."""
