"""The commands, one file each. Heavy imports stay inside them, so that `--help` is quick."""

import typer

from api.command_line import (
    demo,
    doctor,
    files,
    keys,
    members,
    migrate,
    run,
    schema_file,
    serve,
    simulate,
    staff,
    tokens,
    workspaces,
)

app = typer.Typer(
    name="seller",
    help="Seller Center: run it, look after it, fill it.\n\n"
    "Begin with `seller run` (or `make run`), which needs no server installed.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("reset")(run.reset)
app.command("serve")(serve.serve)
app.command("relay")(serve.relay)
app.command("worker")(serve.worker)
app.command("migrate")(migrate.migrate)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(workspaces.app, name="workspace", help="Open and list workspaces.")
app.add_typer(members.app, name="member", help="Invite people, list them, part with them.")
app.add_typer(staff.app, name="staff", help="The people who work for the platform.")
app.add_typer(tokens.app, name="token", help="Issue access tokens; rotate the signing keys.")
app.add_typer(keys.app, name="key", help="Make, list and revoke API keys.")
app.add_typer(files.app, name="import", help="Read files of other systems into a workspace.")
app.add_typer(simulate.app, name="simulate", help="Play a LIVE room, as the demo does.")
app.add_typer(schema_file.app, name="schema", help="Print the GraphQL schema, or compare it.")


def main() -> None:
    app(prog_name="seller")


if __name__ == "__main__":
    main()
