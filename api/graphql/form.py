"""A form of `operations`, `map` and files, part by part as it comes in."""

import asyncio
import logging
import re
import unicodedata
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

from python_multipart.multipart import parse_options_header

from api.graphql.requests import BadRequest, json_of
from schema.uploads import UploadedFile

if TYPE_CHECKING:  # exists for type checkers only
    from python_multipart.multipart import MultipartCallbacks

# What is wrong with a form is told to whoever sent it, and fills no log of ours.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

_LONGEST_NAME = 255
_CONTENT_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_SEPARATOR = re.compile(r"[/\\]")
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}  # of Unicode's categories: controls, line ends
_TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # exe.txt for txt.exe
_AS_IT_IS = {"", "7bit", "8bit", "binary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """`text_bytes` are those of `operations` and of `map`; a file moves from memory to disk at
    `memory_bytes`."""

    files: int
    file_bytes: int
    text_bytes: int
    memory_bytes: int = 64 * 1024


@dataclass(slots=True)
class _Incoming:
    """A part that is being read: a file, or one of the two texts."""

    name: str
    size: int = 0
    text: bytearray | None = None
    file: "SpooledTemporaryFile[bytes] | None" = None
    file_name: str = ""
    content_type: str = ""


class Form:
    """Filled by the callbacks of a parser; files are written by `store`, after each of its turns.

    Every callback may raise `BadRequest`. `close` in any case.
    """

    def __init__(self, limits: FormLimits) -> None:
        self._limits = limits
        self._operations: Any = None
        self._places: dict[str, list[_Place]] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._part = _Incoming("")
        self._files: dict[str, SpooledTemporaryFile[bytes]] = {}
        self._unwritten: list[tuple[_Incoming, bytearray]] = []
        self._complete = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    async def store(self) -> None:
        """Write what has come of files: in memory at once, on disk in a thread."""
        unwritten, self._unwritten = self._unwritten, []
        for part, data in unwritten:
            assert part.file is not None  # noqa: S101 - only files are written
            if part.size > self._limits.memory_bytes:
                await _in_thread(part.file, data)
            else:
                part.file.write(data)

    def result(self) -> Any:
        """The operations with their files; `BadRequest` where the form is not whole."""
        if not self._complete:
            raise BadRequest("The form ends before its closing boundary.")
        if self._places is None:
            raise BadRequest("The form lacks `operations` or `map`.")
        missing = self._places.keys() - self._files.keys()
        if missing:
            raise BadRequest(f"`map` names files that did not come: {_some(missing)}.")
        for file in self._files.values():
            file.seek(0)
        return self._operations

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _begin_part(self) -> None:
        self._headers = {}

    def _end_header(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if self._headers.setdefault(name.lower(), value) is not value:
            raise BadRequest("A part of the form has a header twice.")

    def _end_headers(self) -> None:
        kind, given = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in given:
            raise BadRequest("Each part needs `Content-Disposition: form-data` with a `name`.")
        encoding = self._headers.get(b"content-transfer-encoding", b"").strip().lower()
        if encoding.decode("latin-1") not in _AS_IT_IS:
            raise BadRequest("Send parts as they are, without a Content-Transfer-Encoding.")
        name = _decoded(given[b"name"])
        if self._places is None:
            self._part = self._text(name, is_file=b"filename" in given)
        else:
            self._part = self._file(name, given.get(b"filename"))

    def _text(self, name: str, *, is_file: bool) -> _Incoming:
        expected = "operations" if self._operations is None else "map"
        if name != expected or is_file:
            raise BadRequest(
                "A form begins with `operations`, then `map`, both without a file name; then come "
                f"the files. `{expected}` is due, not {name[:_LONGEST_NAME]!r}."
            )
        return _Incoming(name, text=bytearray())

    def _file(self, name: str, file_name: bytes | None) -> _Incoming:
        shown = repr(name[:_LONGEST_NAME])
        if self._places is None or name not in self._places:
            raise BadRequest(f"The part {shown} is no file that `map` names.")
        if name in self._files:
            raise BadRequest(f"The part {shown} comes twice.")
        if file_name is None:
            raise BadRequest(f"The part {shown} has no file name.")
        safe_name = _file_name(_decoded(file_name))
        claimed = self._headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
        kind = claimed.strip().lower()
        file = SpooledTemporaryFile(self._limits.memory_bytes)  # noqa: SIM115 - `close` closes it
        self._files[name] = file
        return _Incoming(
            name,
            file=file,
            file_name=safe_name,
            content_type=kind if _CONTENT_TYPE.fullmatch(kind) else "application/octet-stream",
        )

    def _take(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size += end - start
        limit = self._limits.file_bytes if part.text is None else self._limits.text_bytes
        if part.size > limit:
            shown = repr(part.name[:_LONGEST_NAME])
            raise BadRequest(f"The part {shown} is larger than the limit of {limit:,} bytes.", 413)
        if part.text is not None:
            part.text += data[start:end]
        elif self._unwritten and self._unwritten[-1][0] is part:
            self._unwritten[-1][1].extend(data[start:end])
        else:
            self._unwritten.append((part, bytearray(data[start:end])))

    def _end_part(self) -> None:
        part = self._part
        if part.file is not None:
            content = cast("IO[bytes]", part.file)
            file = UploadedFile(part.file_name, part.content_type, part.size, content)
            for place in (self._places or {})[part.name]:
                place.put(file)
        elif part.name == "operations":
            self._operations = _operations(bytes(part.text or b""))
        else:
            given = json_of(bytes(part.text or b""))
            self._places = _places(given, self._operations, most=self._limits.files)

    def _end(self) -> None:
        self._complete = True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file belongs: a key of an object, or an index of a list."""

    container: Any
    key: str | int

    def put(self, file: UploadedFile) -> None:
        self.container[self.key] = file


def _operations(text: bytes) -> Any:
    operations = json_of(text)
    if not isinstance(operations, (dict, list)):
        raise BadRequest("`operations` has to be a JSON object with a `query`.")
    return operations


def _places(given: Any, operations: Any, *, most: int) -> dict[str, list[_Place]]:
    """What `map` says: the places of each file, each of them null and named once."""
    if not isinstance(given, dict) or not all(map(_is_paths, given.values())):
        raise BadRequest("`map` has to be a JSON object of lists of paths.")
    paths = [path for each in given.values() for path in each]
    if len(given) > most or len(paths) > most:
        raise BadRequest(f"A request may bring {most} files; `map` names more.", 413)
    if len(set(paths)) < len(paths):
        raise BadRequest("`map` names a path twice.")
    return {name: [_place(operations, path) for path in each] for name, each in given.items()}


def _is_paths(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _place(operations: Any, path: str) -> _Place:
    wrong = BadRequest(
        f"`map` names {path[:_LONGEST_NAME]!r}, which is no place among the variables with null "
        "in it, such as `variables.files.0`."
    )
    steps = path.split(".")
    start = 1 if isinstance(operations, list) else 0
    if len(steps) < start + 2 or steps[start] != "variables":
        raise wrong
    container = operations
    for step in steps[:-1]:
        container = _inside(container, step, wrong)
    if _inside(container, steps[-1], wrong) is not None:
        raise wrong
    return _Place(container, int(steps[-1]) if isinstance(container, list) else steps[-1])


def _inside(container: Any, step: str, wrong: BadRequest) -> Any:
    if isinstance(container, dict) and step in container:
        return container[step]
    if isinstance(container, list) and _INDEX.fullmatch(step) and int(step) < len(container):
        return container[int(step)]
    raise wrong


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise BadRequest("The name of a part or of a file is no UTF-8.") from None


def _file_name(given: str) -> str:
    """The last component of what may be a path, composed; without what hides its end."""
    name = unicodedata.normalize("NFC", _SEPARATOR.split(given)[-1]).strip()
    unseen = any(unicodedata.category(c) in _UNSEEN or c in _TURNING for c in name)
    if unseen or not name.strip(".") or len(name) > _LONGEST_NAME:
        raise BadRequest(
            f"A file needs a name of 1 to {_LONGEST_NAME} characters, all of them visible."
        )
    return name


def _some(names: set[str]) -> str:
    return ", ".join(repr(name[:50]) for name in sorted(names)[:5])


async def _in_thread(file: "SpooledTemporaryFile[bytes]", data: bytearray) -> None:
    """Whoever is cancelled meanwhile waits for the thread: it must not write to a closed file."""
    writing = asyncio.ensure_future(asyncio.to_thread(file.write, data))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait({writing})
        raise
