"""For the control, Strawberry as it is taught (`tests/world/plain_strawberry.py`), which has to be
held by each of these: a probe that finds nothing anywhere has found nothing out."""

from collections.abc import Iterator

from benchmarks.held_loop.attack import MEGABYTE, Attack, body, document


def attacks() -> Iterator[Attack]:
    yield document("identical fields", "{ " + "products(first: 1) { id } " * 400 + "}")
    links = " ".join(
        f"fragment f{n} on Product {{ title ...f{n + 1} related(first: 1) {{ ...f{n + 1} }} }}"
        for n in range(9)
    )
    last = "fragment f9 on Product { id }"
    spread = f"{{ products(first: 1) {{ ...f0 }} }} {links} {last}"
    yield document("fragments that spread twice", spread)
    lists = b"[" + b"[]," * (MEGABYTE // 3) + b"[]]"
    asked = b'{"query": "{ products { id } }", "variables": {"a": %s}}' % lists
    yield body("variables of empty lists", asked)
