"""Files that clients send with an operation: the scalar `Upload`.

No field takes one yet. The first that does registers the scalar with the schema:
`scalar_map={UploadedFile: UPLOAD}` in schema/root.py; its argument is then `file: UploadedFile`.
"""

from dataclasses import dataclass, field
from typing import IO, Any, NoReturn

import strawberry


@dataclass(frozen=True, slots=True, eq=False)
class UploadedFile:
    """A file that lies with us until its request is answered.

    `name` and `content_type` are what the client claims; the name is one component of a path and
    nothing more. `file` stands at its start. It may be on disk: read it in a thread.
    """

    name: str
    content_type: str
    size: int
    file: IO[bytes] = field(repr=False)


def _taken(value: Any) -> UploadedFile:
    """Only the transport makes one; whatever JSON holds in its place is no file."""
    if not isinstance(value, UploadedFile):
        raise ValueError(  # noqa: TRY004 - graphql-core tells a ValueError's words
            "A file is sent beside the operation, by the GraphQL multipart request specification, "
            "with null in its place among the variables."
        )
    return value


def _never(_value: Any) -> NoReturn:
    raise TypeError("An Upload goes in and never comes out.")


UPLOAD = strawberry.scalar(
    name="Upload",
    description=(
        "A file, sent with the operation by the GraphQL multipart request specification. Only "
        "for variables."
    ),
    specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    serialize=_never,
    parse_value=_taken,
)
