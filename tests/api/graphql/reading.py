"""Documents as the endpoint has them read, by one workspace that pays whatever it is asked."""

from typing import Any
from uuid import UUID

from graphql import GraphQLSchema

from api.graphql.documents import Document, Documents
from api.graphql.limits import Limits
from api.graphql.turns import Courtesy, Turns
from schema.root import SCHEMA

_READER = UUID(int=7)


def documents_of(
    limits: Limits | None = None, *, schema: GraphQLSchema = SCHEMA._schema, **more: Any
) -> Documents:
    return Documents(
        schema,
        limits or Limits(),
        courtesy=Courtesy(patience=0),
        turns=Turns(at_once=1),
        **{"introspection": False} | more,
    )


async def read(
    documents: Documents,
    text: str,
    variables: dict[str, Any] | None = None,
    *,
    reader: UUID = _READER,
    paid: list[int] | None = None,
) -> Document:
    """`paid` is told the points."""

    async def pay(points: int) -> None:
        if paid is not None:
            paid.append(points)

    return await documents.get(text, variables, reader=reader, pay=pay)
