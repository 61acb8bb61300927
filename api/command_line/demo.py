"""`seller demo`: the demo workspaces on servers of your own."""

from api.command_line.opening import with_parts


def demo() -> None:
    """Open the demo workspaces where they are missing and write fresh tokens to demo.json.

    `seller run` does the same by itself. Never on servers with real sellers: the tokens are for
    everybody who can read the file.
    """
    import typer

    from api.command_line.announcement import reachable_url
    from api.demo.workspaces import open_demo, write_tokens
    from api.parts import Parts

    async def work(parts: Parts) -> None:
        settings = parts.settings
        settings.state.mkdir(parents=True, exist_ok=True)
        url = reachable_url(settings.host, settings.port)
        file = settings.state / "demo.json"
        await write_tokens(parts, await open_demo(parts), url=url, to=file)
        typer.echo(f"Tokens for each workspace and role are in {file}.")

    with_parts(work)
