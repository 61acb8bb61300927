"""How fast one client is listened to."""

import asyncio


class Pace:
    """So many steps a second in the long run. Those of one second may come at once; whoever is
    quicker waits, and so do the messages that lie in his connection."""

    def __init__(self, a_second: int) -> None:
        self._seconds = 1 / a_second
        self._clock = asyncio.get_running_loop().time
        self._due = self._clock() - 1

    async def step(self) -> None:
        """Give way to the others, and wait where there were too many steps of late."""
        now = self._clock()
        self._due = max(self._due, now - 1) + self._seconds
        await asyncio.sleep(max(0.0, self._due - now))
