"""Forms that are not as they should be, and how they are read: chunk by chunk, within bounds."""

import gc
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from api.graphql.failures import RequestError
from api.graphql.multipart import Uploads, discard_files
from api.graphql.requests import BadRequest
from tests.api.graphql.uploads.taking import (
    BOUNDARY,
    FILE,
    HEADERS,
    LIMITS,
    MAP,
    STORE,
    Taking,
    content_type,
    errors,
    form,
    in_chunks,
    mapped,
    one_file,
    operations,
    part,
    ran,
    until,
)

HERE = UUID(int=1)


def with_header(more: str) -> bytes:
    return one_file(b"x", more=f"\r\n{more}")


DEEP = {"query": STORE, "variables": {"file": None, "a": {"b": [None, {"c": None}]}, "n": 1}}
MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "no parts": form(),
    "another boundary": one_file(b"x").replace(BOUNDARY, b"another-one"),
    "no closing boundary": operations() + MAP + FILE,
    "cut within a file": one_file(b"x" * 500)[:-200],
    "cut within a header": operations() + MAP + FILE[:20],
    "cut after operations": operations(),
    "operations only": form(operations()),
    "map only": form(MAP),
    "map first": form(MAP, operations(), FILE),
    "file first": form(FILE, operations(), MAP),
    "file before map": form(operations(), FILE, MAP),
    "something between": form(operations(), part("more", b"x"), MAP, FILE),
    "operations twice": form(operations(), operations(), MAP, FILE),
    "map twice": form(operations(), MAP, MAP, FILE),
    "map after the files": form(operations(), MAP, FILE, MAP),
    "file twice": form(operations(), MAP, FILE, FILE),
    "file missing": form(operations(), MAP),
    "file that is not mapped": form(operations(), MAP, FILE, part("1", b"x", file="b")),
    "file without a name": form(operations(), MAP, part("0", b"x")),
    "operations as a file": form(part("operations", b"{}", file="o.json"), MAP, FILE),
    "no JSON": form(operations(b"{"), MAP, FILE),
    "no UTF-8": form(operations(b'{"query": "\xff"}'), MAP, FILE),
    "operations null": form(operations(b"null"), MAP, FILE),
    "operations text": form(operations(b'"x"'), MAP, FILE),
    "operations empty": form(operations(b""), MAP, FILE),
    "operations without a query": form(operations({"variables": {"file": None}}), MAP, FILE),
    "variables missing": form(operations({"query": STORE}), MAP, FILE),
    "variables null": form(operations({"query": STORE, "variables": None}), MAP, FILE),
    "variables a list": form(operations({"query": STORE, "variables": [None]}), MAP, FILE),
    "no disposition": form(operations(), MAP, FILE.replace(b"Content-Disposition", b"X-Other")),
    "disposition twice": with_header("Content-Disposition: form-data"),
    "an attachment": form(operations(), MAP, FILE.replace(b"form-data", b"attachment")),
    "no name": form(operations(), MAP, FILE.replace(b' name="0";', b"")),
    "name no UTF-8": form(operations(), MAP, part(b"\xff", b"x", file="a")),
    "base64": with_header("Content-Transfer-Encoding: base64"),
    "header without a colon": with_header("nocolon"),
    "header too long": with_header(f"X: {'x' * 9_000}"),
    "too many headers": with_header("\r\n".join(f"X-{n}: 1" for n in range(50))),
    "name too long": one_file(b"x", "n" * 256),
    "name no UTF-8 at all": one_file(b"x", b"\xff\xfe.txt"),
    "name empty": one_file(b"x", ""),
    "name of dots": one_file(b"x", ".."),
    "name of a folder": one_file(b"x", "folder/"),
    "name with NUL": one_file(b"x", b"a\x00.txt"),
    "name with a control": one_file(b"x", "a\x1b[2J.txt"),
    "name that turns around": one_file(b"x", "a\u202etxt.exe"),
}  # fmt: skip
PATHS: dict[str, Any] = {
    "no object": [],
    "null": None,
    "no list": {"0": "variables.file"},
    "empty list": {"0": []},
    "no text": {"0": [0]},
    "empty path": {"0": [""]},
    "variables as a whole": {"0": ["variables"]},
    "ends in a dot": {"0": ["variables.file."]},
    "no variable": {"0": ["variables.other"]},
    "not null": {"0": ["variables.n"]},
    "not null but an object": {"0": ["variables.a"]},
    "outside the variables": {"0": ["query"]},
    "outside, deeper": {"0": ["extensions.file"]},
    "of an index into one operation": {"0": ["0.variables.file"]},
    "below a scalar": {"0": ["variables.n.x"]},
    "below null": {"0": ["variables.file.x"]},
    "beyond the list": {"0": ["variables.a.b.2"]},
    "negative": {"0": ["variables.a.b.-1"]},
    "padded": {"0": ["variables.a.b.00"]},
    "other digits": {"0": ["variables.a.b.\u0660"]},
    "a long number": {"0": ["variables.a.b." + "9" * 5_000]},
    "no index": {"0": ["variables.a.b.first"]},
    "an attribute": {"0": ["variables.__class__.x"]},
    "twice": {"0": ["variables.file", "variables.file"]},
    "twice by two files": {"0": ["variables.file"], "1": ["variables.file"]},
}


async def refusal(server: Taking, body: bytes) -> tuple[int, str, str]:
    told = errors(await server.send(body))
    assert ran == []
    return told


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_form_that_is_not_as_it_should_be_is_refused(
    server: Taking, body: bytes, folder: Path
) -> None:
    status, code, message = await refusal(server, body)
    assert (status, code) == (400, "BAD_REQUEST")
    assert len(message) < 600
    await until(0, folder)


@pytest.mark.parametrize("given", PATHS.values(), ids=PATHS.keys())
async def test_a_map_may_name_only_what_is_null_among_the_variables(
    server: Taking, given: Any
) -> None:
    body = form(operations(DEEP), mapped(given), FILE, part("1", b"x", file="b"))
    status, code, message = await refusal(server, body)
    assert (status, code) == (400, "BAD_REQUEST")
    assert "`map`" in message


@pytest.mark.parametrize(
    "kind",
    ["", "; boundary=", '; boundary=""', f"; boundary={'x' * 71}", "; charset=utf-8"],
)
async def test_a_boundary_has_1_to_70_characters(server: Taking, kind: str) -> None:
    answer = await server.send(one_file(b"x"), **{"content-type": f"multipart/form-data{kind}"})
    assert errors(answer)[:2] == (400, "BAD_REQUEST")
    assert "boundary" in errors(answer)[2]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\invoice.pdf", "invoice.pdf"),
        ("a/..\\b.txt", "b.txt"),
        (".hidden", ".hidden"),
        ("ใบเสร็จ \u3000รับเงิน.pdf", "ใบเสร็จ \u3000รับเงิน.pdf"),
        ("e\u0301.txt", "é.txt"),
        ("n" * 255, "n" * 255),
        ("%2e%2e%2fx", "%2e%2e%2fx"),
        ("a.txt ", "a.txt"),
    ],
)
async def test_a_file_name_is_one_component_and_never_a_path(
    server: Taking, given: str, kept: str
) -> None:
    stored = (await server.send(one_file(b"x", given))).json()["data"]["store"]
    assert (stored["name"], stored["contentType"]) == (kept, "application/octet-stream")


async def test_compressed_forms_are_refused(server: Taking) -> None:
    answer = await server.send(one_file(b"x"), **{"content-encoding": "gzip"})
    assert errors(answer)[:2] == (415, "BAD_REQUEST")
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("value", ['"a.txt"', '{"name": "a"}', "1", "[]"])
async def test_json_in_the_place_of_a_file_is_no_file(server: Taking, value: str) -> None:
    for content, kind in (
        (b'{"query": "%s", "variables": {"file": %s}}' % (STORE.encode(), value.encode()),
         "application/json"),
        (form(operations(b'{"query": "%s", "variables": {"file": %s}}'
                         % (STORE.encode(), value.encode())), mapped({})), content_type()),
    ):  # fmt: skip
        accept = "application/graphql-response+json"
        answer = await server.send(content, **{"content-type": kind, "accept": accept})
        status, code, message = errors(answer)
        assert (status, code) == (400, "BAD_USER_INPUT")
        assert "multipart request specification" in message
    assert ran == []


async def test_a_file_is_a_variable_and_no_literal_and_fits_no_other_type(server: Taking) -> None:
    literal = {"query": 'mutation { store(file: "x") { name } }'}
    answer = await server.send(form(operations(literal), mapped({})))
    assert errors(answer)[1] == "GRAPHQL_VALIDATION_FAILED"
    text = {"query": "mutation ($t: String!) { note(text: $t) }", "variables": {"t": None}}
    body = form(operations(text), mapped({"0": ["variables.t"]}), FILE)
    assert errors(await server.send(body))[1] == "BAD_USER_INPUT"
    assert ran == []


# Read by ourselves, chunk by chunk


def request_of(body: bytes, size: int) -> Request:
    chunks = iter(in_chunks(body, size))

    async def receive() -> dict[str, Any]:
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    names = HEADERS | {"content-type": content_type()}
    raw = [(name.encode(), value.encode()) for name, value in names.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


async def read(body: bytes, size: int, uploads: Uploads | None = None) -> Any:
    """What is read of a body, and the content of its files; or the exception."""
    request = request_of(body, size)
    try:
        given = await (uploads or Uploads(LIMITS)).read(request, HERE)
        file = given["variables"]["file"]
        given["variables"]["file"] = (file.name, file.size, file.file.read())
    except (BadRequest, RequestError) as error:
        return str(error)
    finally:
        discard_files(request)
    return given


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000, 65_536])
async def test_how_the_body_is_cut_into_chunks_makes_no_difference(size: int) -> None:
    content = b"\r\n--the-boundar\r\n--the-boundary-\r" * 100
    assert await read(one_file(content, "ü.txt"), size) == {
        "query": STORE,
        "variables": {"file": ("ü.txt", len(content), content)},
    }


async def test_memory_does_not_grow_with_the_files(folder: Path) -> None:
    del folder
    limits = replace(
        LIMITS, body_bytes=80_000_000, form=replace(LIMITS.form, file_bytes=70_000_000)
    )
    start, end = one_file(b"|").split(b"|")
    piece = bytes(64 * 1024)
    pieces = iter([start, *[piece] * 1_000, end])

    async def receive() -> dict[str, Any]:
        chunk = next(pieces, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    request = request_of(b"", 1)
    request = Request(request.scope, receive)
    uploads = Uploads(limits)
    gc.collect()
    tracemalloc.start()
    try:
        given = await uploads.read(request, HERE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert given["variables"]["file"].size == 65_536_000
    assert peak < 2_000_000
    discard_files(request)
    assert given["variables"]["file"].file.closed
    assert not uploads._open


WHOLE = one_file(b"content \r\n--the" * 20, "name.txt", more="\r\nContent-Type: text/csv")


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_whatever_a_form_holds_it_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        upto = data.draw(st.integers(at, min(len(body), at + 40)))
        body[at:upto] = data.draw(
            st.one_of(
                st.binary(max_size=20),
                st.sampled_from(
                    [b"\r\n", b"--", b"--the-boundary", b"--the-boundary--", b'"', b":"]
                ),
                st.just(bytes(body[at : at + 200])),
            )
        )
    uploads = Uploads(LIMITS)
    outcome = await read(bytes(body), data.draw(st.sampled_from([1, 5, 100, 10_000])), uploads)
    assert isinstance(outcome, dict) or (isinstance(outcome, str) and outcome)
    assert not uploads._open
