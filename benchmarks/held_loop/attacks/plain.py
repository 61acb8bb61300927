"""For the control, Strawberry as it is taught (`tests/world/plain_strawberry.py`), which has to be
held by each of these: a probe that finds nothing anywhere has found nothing out."""

from collections.abc import Iterator

from benchmarks.held_loop.attack import MEGABYTE, Attack, body, document

_LINKS = 12


def attacks() -> Iterator[Attack]:
    yield document("identical fields", "{ " + "products(first: 1) { id } " * 400 + "}")
    yield document("fragments that spread twice", _spreading())
    lists = b"[" + b"[]," * (MEGABYTE // 3) + b"[]]"
    asked = b'{"query": "{ products { id } }", "variables": {"a": %s}}' % lists
    yield body("variables of empty lists", asked)


def _spreading() -> str:
    """Some 700 bytes that ask for 2^12 products, each within the one before."""
    links = " ".join(
        f"fragment f{n} on Product {{ a: related(first: 1) {{ ...f{n + 1} }} "
        f"b: related(first: 1) {{ ...f{n + 1} }} }}"
        for n in range(_LINKS)
    )
    return f"{{ products(first: 1) {{ ...f0 }} }} {links} fragment f{_LINKS} on Product {{ id }}"
