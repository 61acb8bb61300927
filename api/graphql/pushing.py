"""`next` messages of one operation on one socket, as texts or as frames."""

from collections.abc import Callable

from starlette.websockets import WebSocket

from api.graphql.answers import encoded
from api.graphql.channels import Batch
from api.graphql.sharing import Told
from api.socket_protocol import PUSH, text_frame


class Nexts:
    """`wanted` says whether the client still waits for them."""

    def __init__(self, id: str, socket: WebSocket, wanted: Callable[[], bool]) -> None:
        self._id = id
        self._before = encoded({"type": "next", "id": id}).decode().removesuffix("}")
        self._wanted = wanted
        self._write: Callable[[bytes], bool] | None = socket.scope["extensions"].get(PUSH)

    def text(self, told: Told) -> str:
        return f'{self._before},"payload":{told.json}}}'

    def push(self, batch: Batch) -> bool:
        """Write all of them together; False where they have to wait, or are wanted no more."""
        if self._write is None or not self._wanted():
            return False
        frames = batch.written.get(self._id)
        if frames is None:
            made = [text_frame(self.text(told).encode()) for told in batch.told]
            frames = batch.written[self._id] = b"".join(made)
        return self._write(frames)
