"""`seller schema`: the committed schema, and whether it is still true."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.command("print")
def print_schema() -> None:
    """Write schema/schema.graphql anew."""
    from api.settings import CHECKOUT
    from schema.root import printed

    (CHECKOUT / "schema" / "schema.graphql").write_text(printed(), encoding="utf-8")


@app.command()
def check() -> None:
    """Fail where schema/schema.graphql differs from the code, and name what would break clients."""
    from graphql import build_schema
    from graphql.utilities import find_breaking_changes

    from api.settings import CHECKOUT
    from schema.root import SCHEMA, printed

    committed = (CHECKOUT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    if committed == printed():
        typer.echo("schema/schema.graphql is what the code says.")
        return
    typer.secho("schema/schema.graphql is not what the code says; run `seller schema print`.")
    new = build_schema(SCHEMA.as_str())
    for change in find_breaking_changes(build_schema(committed), new):
        typer.secho(f"BREAKING {change.type.name}: {change.description}", fg="red", err=True)
    raise typer.Exit(1)
