"""What a document may cost before it is validated: one walk, each fragment measured once.

A few hundred bytes of fragments that spread each other twice can stand for 2^50 fields; walking
them without memory, or running them, blocks the event loop for good.
"""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """`fields` and `depth` are counted with every fragment written out where it is spread."""

    characters: int = 20_000
    tokens: int = 4_000
    fields: int = 2_000
    depth: int = 20
    fragments: int = 100


@dataclass(frozen=True, slots=True)
class Extent:
    fields: int = 0
    depth: int = 0


def over_limit(document: DocumentNode, limits: DocumentLimits) -> str | None:
    """What is too large about a document, as a sentence; None where nothing is."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    if len(fragments) > limits.fragments:
        return f"The document has {len(fragments)} fragments; the limit is {limits.fragments}."
    measured: dict[str, Extent] = {}
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        extent = _of_set(node.selection_set, fragments, measured)
        if extent.fields > limits.fields:
            return (
                f"With its fragments written out, an operation has {extent.fields:,} fields; the "
                f"limit is {limits.fields:,}."
            )
        if extent.depth > limits.depth:
            return f"An operation is {extent.depth} levels deep; the limit is {limits.depth}."
    return None


def _of_set(
    selected: SelectionSetNode | None,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Extent],
) -> Extent:
    fields = depth = 0
    for node in selected.selections if selected else ():
        extent = _of_one(node, fragments, measured)
        fields += extent.fields
        depth = max(depth, extent.depth)
    return Extent(fields, depth)


def _of_one(
    node: SelectionNode,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Extent],
) -> Extent:
    if isinstance(node, FieldNode):
        inner = _of_set(node.selection_set, fragments, measured)
        return Extent(inner.fields + 1, inner.depth + 1)
    if isinstance(node, InlineFragmentNode):
        return _of_set(node.selection_set, fragments, measured)
    assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no fourth kind
    name = node.name.value
    if name not in measured and name in fragments:
        measured[name] = Extent()  # a fragment within itself counts as nothing: it is not valid
        measured[name] = _of_set(fragments[name].selection_set, fragments, measured)
    return measured.get(name, Extent())
