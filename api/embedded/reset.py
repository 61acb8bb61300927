"""`python -m api.embedded.reset FOLDER`: remove the state of the embedded servers."""

import sys
from pathlib import Path

from api.embedded.servers import AlreadyRunning, remove_state


def main(arguments: list[str]) -> int:
    for name in arguments:
        try:
            remove_state(Path(name))
        except AlreadyRunning as running:
            sys.stderr.write(f"{running}\n")
            return 1
        sys.stdout.write(f"{name} is gone; the next start makes it anew.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
