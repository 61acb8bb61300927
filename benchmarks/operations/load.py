"""A cheap client: `python -m benchmarks.operations.load FILE PORT SECONDS CONNECTIONS [FIRST]`.

FILE holds pickled requests, ready to be sent. Each connection sends the next one as soon as it is
answered; what is under way at the end is waited for, so that every request whose work was counted
is counted too. Prints what it saw as JSON. Nothing is read of an answer but its length and whether
it tells of errors.
"""

import json
import pickle
import select
import socket
import sys
import time
from itertools import cycle, islice
from pathlib import Path

_READ = 256 * 1024
_PATIENCE = 30.0
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LAST_CHUNK = b"0\r\n\r\n"


class _Line:
    """One connection and what it has received of the answer it waits for."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.expected = 0  # bytes of the whole answer; 0: not known yet, -1: it comes in chunks
        self.sent_at = 0

    def ask(self, request: bytes) -> None:
        self.received, self.expected = b"", 0
        self.sent_at = time.perf_counter_ns()
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Read what has come; whether the answer is whole."""
        part = self.socket.recv(_READ)
        if not part:
            raise ConnectionError("The server hung up.")
        self.received = self.received + part if self.received else part
        if not self.expected:
            self.expected = _expected(self.received)
        if self.expected < 0:
            return self.received.endswith(_LAST_CHUNK)
        return 0 < self.expected <= len(self.received)

    def failed(self) -> bool:
        return not self.received.startswith(b"HTTP/1.1 200") or b'"errors":' in self.received


def _expected(received: bytes) -> int:
    head = received.find(_END)
    if head < 0:
        return 0
    headers = received[:head].lower()
    at = headers.find(_LENGTH)
    if at < 0:
        return -1
    return head + len(_END) + int(headers[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


class _Client:
    """Asks over all its lines at once, and counts."""

    def __init__(self, port: int, requests: list[bytes], *, connections: int, first: int) -> None:
        self._following = islice(cycle(requests), first % len(requests), None)
        self._lines = [_Line(port) for _ in range(connections)]
        self._polling = select.epoll()
        self._by_number = {line.socket.fileno(): line for line in self._lines}
        for number in self._by_number:
            self._polling.register(number, select.EPOLLIN)
        self.microseconds: list[int] = []
        self.failed = 0
        self.example = ""
        self.size = 0

    def ask_for(self, seconds: float) -> float:
        """The seconds until the last answer had come."""
        began = time.perf_counter_ns()
        until = began + int(seconds * 1e9)
        for line in self._lines:
            line.ask(next(self._following))
        waiting = len(self._lines)
        while waiting:
            ready = self._polling.poll(_PATIENCE)
            if not ready:
                raise TimeoutError("No answer came.")
            for number, _ in ready:
                line = self._by_number[number]
                if not line.answered():
                    continue
                if self._note(line) < until:
                    line.ask(next(self._following))
                else:
                    waiting -= 1
        return (time.perf_counter_ns() - began) / 1e9

    def _note(self, line: _Line) -> int:
        now = time.perf_counter_ns()
        self.microseconds.append((now - line.sent_at) // 1000)
        self.size += len(line.received)
        if line.failed():
            self.failed += 1
            self.example = self.example or line.received[:1000].decode(errors="replace")
        return now


def main(file: str, port: str, seconds: str, connections: str, first: str = "0") -> None:
    requests = pickle.loads(Path(file).read_bytes())
    client = _Client(int(port), requests, connections=int(connections), first=int(first))
    told = {
        "seconds": client.ask_for(float(seconds)),
        "microseconds": client.microseconds,
        "failed": client.failed,
        "example": client.example,
        "bytes": client.size,
        "own_cpu": time.process_time(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
