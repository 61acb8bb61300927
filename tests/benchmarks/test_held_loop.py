"""The probe notices what holds the loop, and the attacks are what they say they are."""

import importlib
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.held_loop import __main__ as held_loop
from benchmarks.held_loop.attack import grown
from benchmarks.held_loop.probe import Record

CHECKOUT = Path(__file__).resolve().parents[2]
# In a process of its own: a probe stays where it was installed.
_PROBED = """
import asyncio, gc, sys, threading, time
from pathlib import Path
from benchmarks.held_loop.probe import Probe, read

def work(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

async def spin_in_a_task():
    work(0.08)

async def spin_in_a_thread():
    await asyncio.to_thread(work, 0.08)

async def sleep():
    time.sleep(0.08)

async def many_short_steps():
    for _ in range(40):
        work(0.004)
        await asyncio.sleep(0)

async def collect_in_a_thread():
    rings = [[] for _ in range(300_000)]
    await asyncio.to_thread(gc.collect)

path = Path(sys.argv[1])
probe = Probe()
probe.install(path)
while not path.exists():
    time.sleep(0.01)

async def main():
    await asyncio.sleep(0)
    read(path)
    await globals()[sys.argv[2]]()
    await asyncio.sleep(0)

async def outer():
    await asyncio.create_task(main())
    record = read(path)
    print(record.longest, record.collecting, record.callbacks, record.told(), sep="|")

gc.disable()
asyncio.run(outer())
"""


def probed(folder: Path, name: str) -> tuple[float, float, int, str]:
    """What the probe says of a coroutine of that name: longest, collecting, callbacks, words."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBED, str(folder / "probe"), name],
        cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    longest, collecting, callbacks, told = done.stdout.strip().split("|")
    return float(longest), float(collecting), int(callbacks), told


def test_a_callback_that_works_for_long_is_noticed_and_named(tmp_path: Path) -> None:
    longest, _, _, told = probed(tmp_path, "spin_in_a_task")

    assert longest >= 80
    assert told.startswith("task main")


@pytest.mark.parametrize("name", ["sleep", "spin_in_a_thread", "many_short_steps"])
def test_waiting_and_work_elsewhere_and_in_small_steps_are_not_held_against_the_loop(
    tmp_path: Path, name: str
) -> None:
    longest, _, callbacks, _ = probed(tmp_path, name)

    assert longest < 80
    assert callbacks > 1


def test_a_collection_of_garbage_counts_in_whichever_thread_it_happens(tmp_path: Path) -> None:
    longest, collecting, _, _ = probed(tmp_path, "collect_in_a_thread")

    assert collecting > 0
    assert Record(longest=longest, collecting=collecting).held == max(longest, collecting)


@pytest.mark.parametrize("family", [*held_loop.FAMILIES, "plain"])
def test_every_family_has_attacks_of_a_known_size(family: str) -> None:
    module = importlib.import_module(f"benchmarks.held_loop.attacks.{family}")

    attacks = list(islice(module.attacks(), 20))  # all of them take a while to write out

    assert len(attacks) >= 3
    assert all(attack.name and attack.size > 0 for attack in attacks)


def test_a_text_grows_to_its_size_and_no_further() -> None:
    assert grown(lambda n: "ab" * n, 7) == "ababab"
    assert grown(lambda n: "long" * n, 1) == "long"


def test_a_run_fails_where_something_held_the_loop_or_the_control_went_unnoticed() -> None:
    attack = next(iter(importlib.import_module("benchmarks.held_loop.attacks.plain").attacks()))
    short = held_loop.Sent(attack, "200", Record(longest=held_loop.LIMIT))
    long = held_loop.Sent(attack, "200", Record(longest=held_loop.LIMIT + 1))
    collected = held_loop.Sent(attack, "200", Record(collecting=held_loop.LIMIT + 1))

    assert held_loop._report([short], [long]) == 0
    assert held_loop._report([long, short], [long]) == 1
    assert held_loop._report([collected], [long]) == 1
    assert held_loop._report([short], [short]) == 1
