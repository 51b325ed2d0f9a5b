"""The command `timos`: an explicit list of groups, and the one place where an error becomes a line and an exit code."""

import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed
from typing import NoReturn

import typer

from timos.cli.exits import exit_code
from timos.cli.options import JsonOption
from timos.cli.output import report, say
from timos.kernel.errors import TimosError

Group = Callable[[typer.Typer], None]

JOURNAL_COMMANDS = frozenset(
    {"signup", "login", "logout", "whoami", "erase", "today", "day", "month", "search", "write"}
    | {"habit", "mood", "pillar", "week", "import", "export", "version"}
)  # the first words of what `_journal` has; tests/cli holds the one to the other


def build(*more: Group, has_journal: bool = True) -> typer.Typer:
    """The journal commands, and those of `more` (the composition root's: they open settings and databases). A process that serves can do
    without the journal's, which are clients: 10 MiB less.
    """
    app = typer.Typer(
        name="timos",
        help="A private journal: what you write is sealed under a key of your own.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # its tracebacks quote source and values: tokens, and the journal
    )
    for add_to in (*(_journal() if has_journal else ()), *more):
        add_to(app)
    app.command()(version)
    return app


def _journal() -> tuple[Group, ...]:
    from timos.cli import account, habits, moods, pillars, reading, transfer, weeks, writing  # noqa: PLC0415 (see `build`)

    parts = (account, reading, writing, habits, moods, pillars, weeks, transfer)
    return tuple(part.add_to for part in parts)


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command line (the process's own when None) and ends with a code of `ExitCode`."""
    try:
        app(arguments)
    except TimosError as error:
        report(error)
        sys.exit(exit_code(error))
    sys.exit(0)


def version(as_json: JsonOption = False) -> None:
    """Show the version of this program."""
    number = installed("timos")
    say(json.dumps({"version": number}) if as_json else f"timos {number}")
