"""Postgres and Valkey of our own under a state folder, for whoever has no server.

Standard library only: `make reset` works before anything is installed. servers.py is the door.
"""
