"""Files of workspaces: in a folder, or in an object store such as S3, by one setting.

obstore is the interface to all of them. What a workspace has lies under its own id, and its names
are made here, never taken from a client.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
from obstore.store import LocalStore, from_url


class Storage:
    """Reads and writes whole files by workspace and name."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def open(cls, place: str | None, *, folder: Path) -> "Storage":
        """`place` is a URL such as `s3://bucket/prefix`; without one, files lie in `folder`."""
        if place is not None:
            return cls(from_url(place))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder))

    async def put(self, workspace_id: UUID, name: str, content: bytes) -> None:
        """Store a file, in place of an older one of that name: whole, or not at all."""
        await obstore.put_async(self._store, _path(workspace_id, name), content)

    async def chunks(self, workspace_id: UUID, name: str) -> AsyncIterator[bytes]:
        """What a file holds, bit by bit; `FileNotFoundError` where there is none."""
        found = await obstore.get_async(self._store, _path(workspace_id, name))
        async for chunk in found.stream():
            yield bytes(chunk)

    async def delete_all(self, workspace_id: UUID, folder: str) -> None:
        """Delete every file whose name begins with that folder."""
        async for found in obstore.list(self._store, _path(workspace_id, folder)):
            await obstore.delete_async(self._store, [one["path"] for one in found])


def _path(workspace_id: UUID, name: str) -> str:
    return f"{workspace_id}/{name}"
