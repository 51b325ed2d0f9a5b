"""Options that several commands share, so that they are called and explained the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

ServerOption = Annotated[
    str | None, typer.Option("--server", envvar="TIMOS_SERVER", metavar="URL", help="The server; the one you signed in to when left out.")
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Allow plain http to another machine. Others on the way can read all of it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
PasswordOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")]
DayOption = Annotated[
    str | None, typer.Option("--day", metavar="DATE", help="YYYY-MM-DD, today or yesterday; your current day when left out.")
]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Take the text from a file; - is standard input.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name; how it begins is enough for one that is there.")]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="Those that are put away instead.")]
