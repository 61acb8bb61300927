"""Every other command once, as an operator types them; refusals are sentences, not tracebacks."""

import json
import secrets
import stat

import pytest

from api.settings import Settings
from tests.command_line.conftest import Seller

COMMANDS = (
    "run", "reset", "serve", "relay", "worker", "migrate", "demo", "doctor", "workspace",
    "staff", "member", "token", "key", "import", "simulate", "schema",
)  # fmt: skip


def test_help_names_every_command_and_completion_completes_them(seller: Seller) -> None:
    told = seller("--help")
    assert all(f" {command} " in told.out for command in COMMANDS)
    completed = seller(
        also={"_SELLER_COMPLETE": "complete_bash", "COMP_WORDS": "seller wor", "COMP_CWORD": "1"}
    )
    assert completed.out.split() == ["worker", "workspace"]
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # wherever the tests run from
    script = seller("--show-completion", "bash", also=named)
    assert "_SELLER_COMPLETE=complete_bash" in script.out


def test_help_of_a_command_explains_itself_with_an_example(typed: Seller) -> None:
    told = typed("workspace", "create", "--help")
    assert "seller workspace create my-shop" in told.out.replace("\n", " ")
    assert "FACTORY" in told.out
    assert "OWNER" in typed("member", "add", "--help").out


def test_a_workspace_from_opening_to_a_revoked_key(typed: Seller) -> None:
    slug = f"cli-{secrets.token_hex(4)}"
    mail = f"me@{slug}.example"
    create = ("workspace", "create", slug, "CLI", "--owner", mail, "--password-stdin")
    opened = typed(*create, "--site", "TH", "--site", "VN", "--site", "TH", feed="long enough\n")
    assert (opened.code, opened.out) == (0, f"Opened {slug}.\n"), opened.err
    taken = typed(*create, "--site", "TH", feed="long enough\n")
    assert taken.code == 1
    assert "taken" in taken.err
    assert slug in {one["slug"] for one in json.loads(typed("workspace", "list", "--json").out)}

    added = typed("member", "add", slug, f"Ploy@{slug}.example", "ORDERS", "--name", "Ploy")
    assert added.code == 0, added.err
    listed = json.loads(typed("member", "list", slug, "--json").out)
    assert [(one["role"], one["name"]) for one in listed] == [("OWNER", "me"), ("ORDERS", "Ploy")]
    assert typed("member", "invite", slug, f"new@{slug}.example", "VIEWER").out.startswith("sci_")
    assert typed("token", "issue", slug, mail).out.startswith("eyJ")
    last = typed("member", "add", slug, mail, "VIEWER")
    assert last.code == 1
    assert "keeps one owner" in last.err
    assert typed("member", "part", slug, f"ploy@{slug}.example").code == 0

    key = typed("key", "create", slug, "Warehouse", "--scope", "orders:read")
    assert key.out.startswith("sck_"), key.err
    (row,) = json.loads(typed("key", "list", slug, "--json").out)
    assert (row["name"], row["scopes"]) == ("Warehouse", ["orders:read"])
    assert typed("key", "revoke", slug, row["id"]).out == "Revoked.\n"
    assert typed("key", "revoke", slug, row["id"]).code == 1


def test_staff_are_made_listed_and_ended(typed: Seller) -> None:
    slug = f"cli-{secrets.token_hex(4)}"
    mail = f"ops@{slug}.example"
    create = ("workspace", "create", slug, "CLI", "--owner", mail, "--password-stdin")
    typed(*create, "--site", "TH", feed="long enough\n")

    assert typed("staff", "add", mail).code == 0
    assert mail in {one["email"] for one in json.loads(typed("staff", "list", "--json").out)}
    assert typed("staff", "end", mail).code == 0
    assert mail not in typed("staff", "list").out
    assert "is not a member" in typed("staff", "end", mail).err
    assert "Nobody has an account" in typed("staff", "add", f"no-{mail}").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("workspace", "create", "A B", "x", "--owner", "a@b.example", "--site", "TH"), "hyphens"),
        (("workspace", "create", "s", "x", "--owner", "a@b.example", "--site", "XX"), "'XX'"),
        (("member", "invite", "no-such", "nobody", "VIEWER"), "no e-mail address"),
        (("member", "add", "no-such", "a@b.example", "KING"), "'KING'"),
        (("member", "list", "no-such"), "There is no workspace 'no-such'"),
        (("key", "create", "no-such", "x", "--scope", "everything"), "'everything'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(typed: Seller, words: tuple[str, ...], said: str) -> None:
    done = typed(*words)
    assert done.code in {1, 2}
    assert said in done.err


def test_migrations_schema_demo_and_play(seller: Seller, settings: Settings) -> None:
    assert "up to date" in seller("migrate").out
    assert seller("demo").code == 0
    demo = settings.state / "demo.json"
    assert stat.S_IMODE(demo.stat().st_mode) == 0o600
    told = seller("simulate", "live", "--orders", "6", "--rate", "100", "--seed", "7")
    assert told.out == "6 orders were placed.\n", told.err
    checked = seller("schema", "check")
    assert checked.code == 0 or "seller schema print" in checked.out


def test_keys_rotate_without_servers(seller: Seller, settings: Settings) -> None:
    del settings
    assert "Restart the servers" in seller("token", "rotate-keys").out


def test_servers_that_are_away_are_told_without_a_traceback(seller: Seller) -> None:
    away = {"APP_DATABASE_URL": "postgresql://seller_login:hidden@127.0.0.1:1/x"}
    done = seller("workspace", "list", also=away)
    assert done.code == 1
    assert "seller doctor" in done.err
    assert "hidden" not in done.err
