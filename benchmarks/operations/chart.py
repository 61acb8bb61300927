"""Bars of CPU a request, drawn as SVG by hand: one panel an operation, one bar a contender."""

from collections.abc import Iterator
from html import escape

from benchmarks.operations.figures import Figures, Table
from benchmarks.operations.questions import OPERATIONS

_WIDTH, _LABELS, _BARS = 860, 250, 480
_ROW, _PANEL = 22, 54
_SERVER, _DATABASE, _INK, _PALE = "#2f6f9f", "#e0a030", "#1d2430", "#5b6472"
_FONT = "font-family='system-ui, sans-serif'"


def chart(of: Table, titles: dict[str, str]) -> str:
    body, y = [], 48
    for operation, by_name in of.items():
        body += list(_panel(operation, by_name, titles, y))
        y += _PANEL + _ROW * len(by_name)
    return "\n".join([_head(y), *body, "</svg>", ""])


def _head(height: int) -> str:
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' {_FONT}>",
            "<title>CPU microseconds a request, of server and databases</title>",
            f"<rect width='{_WIDTH}' height='{height}' fill='#ffffff'/>",
            _text(16, 26, "CPU microseconds a request", size=15, weight="600"),
            *_key(330, "server", _SERVER),
            *_key(420, "Postgres and Valkey", _DATABASE),
        ]
    )


def _key(x: int, word: str, colour: str) -> Iterator[str]:
    yield f"<rect x='{x}' y='15' width='12' height='12' fill='{colour}'/>"
    yield _text(x + 18, 26, word, size=12, colour=_PALE)


def _panel(
    operation: str, by_name: dict[str, Figures], titles: dict[str, str], y: int
) -> Iterator[str]:
    longest = max(one.total for one in by_name.values())
    yield _text(16, y + 22, f"{operation}: {OPERATIONS[operation]}", size=13, weight="600")
    for n, (name, told) in enumerate(by_name.items()):
        top = y + 32 + n * _ROW
        yield _text(_LABELS - 8, top + 14, titles[name], anchor="end")
        server = _BARS * told.server / longest
        rest = _BARS * (told.total - told.server) / longest
        yield _bar(_LABELS, top, server, _SERVER)
        yield _bar(_LABELS + server, top, rest, _DATABASE)
        yield _text(
            _LABELS + server + rest + 6, top + 14, f"{told.total:,.0f}", colour=_PALE, size=11
        )


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f"<rect x='{x:.1f}' y='{y + 3}' width='{width:.1f}' height='15' fill='{colour}'/>"


def _text(
    x: float, y: float, words: str, *, size: int = 12, weight: str = "400", colour: str = _INK,
    anchor: str = "start",
) -> str:  # fmt: skip
    return (
        f"<text x='{x:.1f}' y='{y}' font-size='{size}' font-weight='{weight}' fill='{colour}' "
        f"text-anchor='{anchor}'>{escape(words)}</text>"
    )
