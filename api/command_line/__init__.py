"""`seller`: everything that is done to a platform from a terminal."""
