"""All commands of `timos`: the journal's, the operator's, and those that need the web."""

import json
import tempfile  # noqa: TID251 (the demo's databases, sealed like any other, and nobody's)
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from timos import app, config
from timos.cli import backups, operate, people, root
from timos.cli.output import hint, say
from timos.lifecycle.demo import telling
from timos.lifecycle.instance import Instance


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (TIMOS_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (TIMOS_PORT); 0 takes a free one.")] = None,
) -> None:
    """Start the server; the first start makes databases and master key."""
    app.run(host=host, port=port)


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,  # noqa: FBT002 (an option)
) -> None:
    """A temporary TimOS with half a year of a person who does not exist; gone when you stop it."""

    async def prepare(instance: Instance, url: str) -> None:
        hint("Writing half a year of days …")
        records = await telling.tell(instance, telling.today_at(instance.clock.now_ms()))
        hint(f"TimOS demo on {url}: {records} records.\n  sign in as  {telling.ADDRESS}\n  password    {telling.PASSWORD}")
        hint("  Ctrl-C ends it and deletes all of it.")
        if browser:
            webbrowser.open(url)

    with tempfile.TemporaryDirectory(prefix="timos-demo-") as folder:
        settings = config.load(data_dir=Path(folder, "data"), master_key=f"file:{folder}/key/master.json", port=port, registration="closed")
        app.run_until_stopped(settings, prepare)


def show_openapi() -> None:
    """Print the OpenAPI document of the API."""
    say(json.dumps(app.document(), indent=2))


def add_to(line: typer.Typer) -> None:
    """The commands of this module."""
    line.command("serve")(serve)
    line.command("demo")(demo)
    line.command("openapi")(show_openapi)


def command_line() -> typer.Typer:
    """All commands."""
    return root.build(add_to, operate.add_to, people.add_to, backups.add_to)


def main() -> None:
    """Run one command line."""
    root.run(command_line())
