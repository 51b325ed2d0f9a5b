"""The command `timos`: an explicit list of groups."""

import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed
from typing import NoReturn

import typer

from timos.cli import account, endings, habits, moods, pillars, reading, transfer, weeks, writing
from timos.cli.options import JsonOption
from timos.cli.output import say

Group = Callable[[typer.Typer], None]

JOURNAL: tuple[Group, ...] = (
    account.add_to,
    reading.add_to,
    writing.add_to,
    habits.add_to,
    moods.add_to,
    pillars.add_to,
    weeks.add_to,
    transfer.add_to,
)

JOURNAL_COMMANDS = frozenset(
    {"signup", "login", "logout", "whoami", "erase", "today", "day", "month", "search", "write"}
    | {"habit", "mood", "pillar", "week", "import", "export", "version"}
)  # the first words of what is in JOURNAL; tests/cli holds the one to the other


def build(*more: Group) -> typer.Typer:
    """The journal commands, and those of `more` (they open settings and databases)."""
    app = typer.Typer(
        name="timos",
        help="A private journal: what you write is sealed under a key of your own.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # its tracebacks quote source and values: tokens, and the journal
    )
    for add_to in (*JOURNAL, *more):
        add_to(app)
    app.command()(version)
    return app


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command line (the process's own when None) and ends with a code of `ExitCode`."""
    with endings.told():
        app(arguments)
    sys.exit(0)


def version(as_json: JsonOption = False) -> None:
    """Show the version of this program."""
    number = installed("timos")
    say(json.dumps({"version": number}) if as_json else f"timos {number}")
