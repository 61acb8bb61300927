"""All subscribers in one process: `python -m benchmarks.live_room.subscribers`.

The first line of the standard input is JSON: `port`, `token`, `count`, `listened` (how many of them
note when they hear of each order) and `subscribe`, the message. Prints a line when all have signed
in; then, for each line `count`, what was seen since the last one, and `fewest`: how many frames
whoever saw least has seen of all.
"""

import json
import select
import sys
import time
from typing import Any

from benchmarks.live_room.frames import Subscriber


class _Crowd:
    def __init__(self, asked: dict[str, Any]) -> None:
        self.heard: list[tuple[int, int]] = []  # order, nanoseconds
        self._every = max(1, asked["count"] // asked["listened"])
        self._all = [self._one(asked, n) for n in range(asked["count"])]
        self._polling = select.epoll()
        self._by_number = {one.socket.fileno(): one for one in self._all}
        for number in self._by_number:
            self._polling.register(number, select.EPOLLIN)
        self._polling.register(sys.stdin.fileno(), select.EPOLLIN)
        self._cpu, self._seen = time.process_time(), 0
        self._last = time.monotonic_ns()

    def serve(self) -> None:
        """Until the standard input ends."""
        commands = sys.stdin.fileno()
        while True:
            ready = self._polling.poll()
            if ready[0][0] != commands:
                self._last = time.monotonic_ns()
            for number, _ in ready:
                if number == commands:
                    if not sys.stdin.readline():
                        return
                    print(json.dumps(self._counted()), flush=True)
                    continue
                one = self._by_number[number]
                one.read()
                if one.closed:
                    self._polling.unregister(number)

    def _one(self, asked: dict[str, Any], n: int) -> Subscriber:
        heard = self._note if n % self._every == self._every // 2 else None
        one = Subscriber(asked["port"], heard=heard)
        one.sign_in(asked["token"])
        one.send(asked["subscribe"])
        return one

    def _note(self, order: int) -> None:
        self.heard.append((order, time.monotonic_ns()))

    def _counted(self) -> dict[str, Any]:
        cpu = time.process_time()
        seen = sum(one.seen for one in self._all)
        told = {
            "seen": seen - self._seen,
            "fewest": min(one.seen for one in self._all),
            "closed": [one.closed for one in self._all if one.closed],
            "heard": self.heard,
            "last": self._last,
            "cpu": cpu - self._cpu,
        }
        self.heard, self._cpu, self._seen = [], cpu, seen
        return told


def main() -> None:
    crowd = _Crowd(json.loads(sys.stdin.readline()))
    print(json.dumps({"ready": True}), flush=True)
    crowd.serve()


if __name__ == "__main__":
    main()
