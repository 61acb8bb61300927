"""The documents are true: operations fit the schema, paths exist, lists equal the code's."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from graphql import parse, validate

from api.graphql.multipart import AT_ONCE
from api.settings import Settings
from commerce.orders.ingest import MAX_ORDERS_PER_CALL, IngestOutcome
from commerce.orders.rules import MAX_LINES
from commerce.pages import MAX_PAGE
from schema.errors import ErrorCode
from schema.filters import MAX_VALUES
from schema.root import SCHEMA
from tenants.grants import GRANTS_BY_ROLE, Grant, Role
from tenants.idempotency import MAX_KEY

CHECKOUT = Path(__file__).resolve().parents[2]
API = CHECKOUT / "docs" / "API.md"
PAGES = sorted(
    [
        *CHECKOUT.glob("*.md"),
        *(CHECKOUT / "docs").rglob("*.md"),
    ]
)
# Made while installing, building or running, so absent from a fresh checkout.
_MADE = (".state", ".venv", "web/dist", "web/node_modules")
_FILE = re.compile(r"[\w.-]+\.(py|md|toml|graphql|yaml|lock|sh|mako)")
_FOLDERS = "api|schema|commerce|tenants|migrations|bootstrap|web|tests|docs|\\.ci"
_BELOW = re.compile(rf"({_FOLDERS})/[\w./-]*")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_BODY = re.compile(r"-d '(\{.*?\})'", re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(page.read_text()) if kind == language]


def prose(page: Path) -> str:
    return _BLOCK.sub("", page.read_text())


def operations() -> Iterator[tuple[str, str]]:
    """Every GraphQL operation of the pages: in blocks of its own, and in the bodies of curl."""
    for page in PAGES:
        for number, text in enumerate(blocks(page, "graphql"), 1):
            yield f"{name_of(page)} block {number}", text
        for number, body in enumerate(_BODY.findall("\n".join(blocks(page, "sh"))), 1):
            yield f"{name_of(page)} curl {number}", json.loads(body)["query"]


def rows(section: str) -> list[list[str]]:
    """The cells of the table rows of one section of API.md, its heading row first."""
    text = API.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if set(row[0]) != {"-"}]


def first_codes(section: str, heading: str) -> set[str]:
    """The codes in the first column of the table under that heading."""
    text = API.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    table = text.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `?(\w+)`? \|", table, re.MULTILINE))


@pytest.mark.parametrize(("place", "text"), list(operations()), ids=lambda value: str(value)[:40])
def test_operations_fit_the_schema(place: str, text: str) -> None:
    errors = validate(SCHEMA._schema, parse(text))
    assert not errors, f"{place}: {[error.message for error in errors]}"


def test_there_are_operations_of_every_kind() -> None:
    texts = [text.lstrip() for _, text in operations()]
    for kind in ("query", "mutation", "subscription", "{"):
        assert any(text.startswith(kind) for text in texts), f"no page shows a {kind}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name_of(page)}: no heading for {link}"


def looks_like_a_path(span: str) -> bool:
    if span.startswith(_MADE):
        return False
    return bool(_FILE.fullmatch(span) or _BELOW.fullmatch(span))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_named_exist(page: Path) -> None:
    """Paths are written from the checkout's root; `tables.py` alone is a file of each slice."""
    for span in _SPAN.findall(prose(page)):
        if looks_like_a_path(span):
            anywhere = (CHECKOUT / span).exists() or any(CHECKOUT.glob(f"commerce/*/{span}"))
            assert anywhere, f"{name_of(page)} names {span}, which is not there"


def test_the_matrix_of_rights_is_the_codes() -> None:
    heading, *lines = rows("Roles and rights")
    roles = [Role(name) for name in heading[1:]]
    told = {
        role: {Grant(line[0].strip("`")) for line in lines if line[place] == "x"}
        for place, role in enumerate(roles, 1)
    }
    assert told == GRANTS_BY_ROLE
    assert {line[0].strip("`") for line in lines} == {grant.value for grant in Grant}


def test_the_error_codes_are_the_codes() -> None:
    assert first_codes("Errors", "`extensions.code`") == {code.value for code in ErrorCode}


def test_the_refusal_codes_are_the_codes() -> None:
    assert first_codes("Mutations", "`userErrors` code") == refusal_codes()


def test_the_outcomes_of_ingestion_are_the_codes() -> None:
    assert first_codes("Mutations", "`outcome`") == {outcome.value for outcome in IngestOutcome}


def refusal_codes() -> set[str]:
    """Codes of what `schema.mutations.perform` answers as `userErrors`, read from the sources."""
    top_level = {code.value for code in ErrorCode} - {"FORBIDDEN"}
    over_http = {"WRONG_PASSWORD"}  # told by POST /auth/accept-invitation
    found = {"FORBIDDEN"}  # a membership's; AccessDenied has the same word at the top level
    for folder in ("commerce", "tenants"):
        for source in (CHECKOUT / folder).rglob("*.py"):
            tree = ast.parse(source.read_text())
            found |= set(_codes_of_classes(tree)) | set(_codes_of_memberships(tree))
    return found - top_level - over_http - {"REFUSED"}  # the last: of a base class


def _codes_of_classes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                match statement:
                    case (
                        ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str(code)))
                        | ast.AnnAssign(target=ast.Name("code"), value=ast.Constant(str(code)))
                    ):
                        yield code


def _codes_of_memberships(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("MembershipRefused"), args=[ast.Constant(str(code)), *_]):
                yield code


def test_the_close_codes_are_the_codes() -> None:
    source = (CHECKOUT / "api" / "graphql" / "closes.py").read_text()
    used = set(re.findall(r"^[A-Z_]+ = (\d{4}), \"", source, re.MULTILINE))
    assert first_codes("Subscriptions", "Close code") == used


def test_the_limits_are_the_codes() -> None:
    def default(name: str) -> int:
        return int(Settings.model_fields[name].default)

    told = [
        [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", row[1])]
        for row in rows("Limits")[1:]
    ]
    assert told == [
        [MAX_PAGE],
        [MAX_VALUES],
        [MAX_ORDERS_PER_CALL, MAX_LINES],
        [MAX_KEY],
        [
            default("max_query_characters"),
            default("max_query_tokens"),
            default("max_query_fragments"),
        ],
        [
            default("max_query_fields"),
            default("max_query_depth"),
            default("max_query_aliases"),
            default("max_query_directives"),
        ],
        [default("max_query_comparisons")],
        [default("max_query_values")],
        [default("max_operation_cost")],
        [default("max_variable_values"), default("max_variable_objects")],
        [default("operations_at_once"), default("operations_waiting")],
        [
            default("max_body_bytes") // 2**20,
            default("max_upload_bytes") // 2**20,
            default("max_upload_files"),
            default("max_upload_file_bytes") // 2**20,
        ],
        [AT_ONCE],
        [default("max_frame_bytes") // 2**10],
        [default("operation_timeout")],
        [default("max_subscriptions_per_socket")],
        [default("subscriber_queue")],
    ]


def test_decisions_are_numbered_and_listed() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    index = (folder / "README.md").read_text()
    listed = re.findall(r"^\| \[(\d{4})\]\((.+?)\)", index, re.MULTILINE)
    assert listed == [(name[:4], name) for name in pages]
    for name in pages:
        parts = re.findall(r"^## (.+)$", (folder / name).read_text(), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences", "Alternatives"], name
