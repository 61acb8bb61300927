import gzip
from pathlib import Path

import pytest

from commerce.orders.files.csv_rows import csv_table
from commerce.orders.files.entries import FileLimits, FileRefused, Row
from commerce.orders.files.reading import open_orders
from commerce.shops.sites import Site


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(
    path: Path, encoding: str | None = None, limits: FileLimits | None = None
) -> tuple[list[Row], int]:
    table = csv_table(path, encoding=encoding, limits=limits or FileLimits())
    return list(table.rows()), table.last_line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_numbered_as_an_editor_does(path: Path, encoding: str, end: str) -> None:
    text = end.join(["", "a,b", "", '"two', 'lines",é', "last,one"])
    path.write_bytes(text.encode(encoding))
    rows, last = read(path)
    assert [number for number, _ in rows] == [2, 4, 6]
    assert rows[1][1] == [f"two{end}lines", "é"]
    assert last == 6


def test_utf_8_comes_before_the_encoding_that_is_named(path: Path) -> None:
    path.write_bytes("ไทย,é".encode())
    assert read(path, "windows-1252")[0] == [(1, ["ไทย", "é"])]


def test_the_named_encoding_is_used_where_it_is_not_utf_8(path: Path) -> None:
    path.write_bytes("ไทย,1\n".encode("tis-620"))
    assert read(path, "tis-620")[0] == [(1, ["ไทย", "1"])]
    path.write_bytes("ไทย,1\n".encode("utf-16"))
    assert read(path, "utf-16")[0] == [(1, ["ไทย", "1"])]


def test_nothing_is_guessed(path: Path) -> None:
    path.write_bytes(b"a,b\r\nfine,row\r\ncaf\xe9,1\r\n")
    with pytest.raises(FileRefused, match="byte 0xe9 at offset 18, line 3"):
        read(path)
    path.write_bytes(b"a,b\n" * 100_000 + b"\xff")
    with pytest.raises(FileRefused, match="byte 0xff at offset 400,000, line 100,001"):
        read(path)
    path.write_bytes(b"a,\xe0\xb8")
    with pytest.raises(FileRefused, match="cut off at offset 4, line 1"):
        read(path)
    path.write_bytes(b"a,b\nc\0,d\n")
    with pytest.raises(FileRefused, match="NUL character in line 2"):
        read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'a,b\n1,"open\n2,3\n', "Line 2: the columns cannot be told apart"),
        (b'a,b\n1,2\n"x"y,3\n', "Line 3: the columns cannot be told apart"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "Line 2: .*field larger than field limit"),
        (b"a,b\n" + b"x," * 800_000, "Line 2: the line is longer than 1,048,576"),
    ],
)
def test_columns_that_cannot_be_told_apart_refuse_the_file(
    path: Path, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=reason):
        read(path)


def test_a_file_that_changes_meanwhile_is_refused(path: Path) -> None:
    path.write_bytes(b"a,b\n")
    table = csv_table(path, limits=FileLimits())
    path.write_bytes(b"a,b\nc,d\n")
    with pytest.raises(FileRefused, match="changed while it was read"):
        list(table.rows())


def test_a_damaged_and_an_overlarge_gzip_are_refused(path: Path) -> None:
    packed = gzip.compress(b"a,b\n" * 100_000)
    path.write_bytes(packed[:-20])
    with pytest.raises(FileRefused, match="gzip file is damaged"):
        read(path)
    path.write_bytes(packed[:30] + b"\0\0\0\0" + packed[34:])
    with pytest.raises(FileRefused, match="gzip file is damaged"):
        read(path)
    path.write_bytes(gzip.compress(b"\n" * 5_000_000))
    with pytest.raises(FileRefused, match="more than 1,000,000 bytes uncompressed"):
        read(path, limits=FileLimits(uncompressed_bytes=1_000_000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"\xd0\xcf\x11\xe0 old", "save it as XLSX"),
        (b"x" * 2_000, "the limit is 1,000 file_bytes"),
        (b"hello", "the headings lack: Order ID"),
        (b"PK\x03\x04 not really", "damaged"),
    ],
)
def test_what_is_no_order_file_is_refused(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    limits = FileLimits(file_bytes=1_000)
    with (
        pytest.raises(FileRefused, match=reason),
        open_orders(path, site=Site.TH, limits=limits),
    ):
        pass


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(FileRefused, match="is not a file"), open_orders(path, site=Site.TH):
            pass
