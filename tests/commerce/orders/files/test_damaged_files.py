"""Whatever happens to a file, it is read, or rejected by the line, or refused with a sentence."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.orders.files.entries import FileLimits, FileRefused
from commerce.orders.files.reading import open_orders
from commerce.shops.sites import Site

LIMITS = FileLimits(xlsx_seconds=10)
SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)


def read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders"
        path.write_bytes(content)
        try:
            with open_orders(path, site=Site.TH, encoding="tis-620", limits=LIMITS) as stream:
                for entry in stream:
                    assert entry.position >= 1
        except FileRefused as refusal:
            assert len(str(refusal)) > 10  # noqa: PT017 - either outcome is right


@SHARED
@given(place=st.floats(0, 1), inserted=st.binary(max_size=6), removed=st.integers(0, 40))
def test_damaged_csv(
    export: Callable[..., Path],
    line: Callable[..., dict[str, str]],
    place: float,
    inserted: bytes,
    removed: int,
) -> None:
    content = export(line(), line(), line(Order_ID="576461413038785753")).read_bytes()
    at = int(place * len(content))
    read_or_refused(content[:at] + inserted + content[at + removed :])


@SHARED
@given(st.binary(max_size=200))
def test_no_order_file_at_all(content: bytes) -> None:
    read_or_refused(content)


@settings(SHARED, max_examples=40)
@given(place=st.floats(0, 1), inserted=st.binary(max_size=6), removed=st.integers(0, 6))
def test_damaged_workbook(
    workbook_bytes: bytes, place: float, inserted: bytes, removed: int
) -> None:
    at = int(place * len(workbook_bytes))
    read_or_refused(workbook_bytes[:at] + inserted + workbook_bytes[at + removed :])
