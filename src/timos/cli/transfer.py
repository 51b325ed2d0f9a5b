"""Commands that move a whole journal: import and export."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import httpx
import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn

from timos.cli.account import step_up
from timos.cli.answers import ImportLine, ImportProblem, Report, decode
from timos.cli.client import connect
from timos.cli.exits import ExitCode, error_of
from timos.cli.options import InsecureOption, JsonOption, PasswordOption, ServerOption
from timos.cli.output import err, hint, print_json, say
from timos.kernel.errors import UnavailableError

_IMPORT_LIMIT = 1 << 30  # bytes, the most that any server can be set to take; it is held in memory
_MEDIA = {"jsonl": "application/x-ndjson", "archive": "application/zip"}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".zip": "archive"}

Format = Literal["jsonl", "archive"]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command("import")(import_)
    app.command("export")(export)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='JSON Lines {"date","text"}, or an archive made by export.')],
    format_: Annotated[Format | None, typer.Option("--format", help="Taken from the file's name when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a journal in. What is there already is never overwritten; running it twice changes nothing."""
    kind = format_ or _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise typer.BadParameter("Say what the file is: --format jsonl or --format archive.")
    content = _content(file)
    query = {"format": kind, "dry_run": "true" if dry_run else "false"}
    headers = {"Content-Type": _MEDIA[kind], "Accept": "application/x-ndjson"}
    with connect(server, is_insecure=insecure) as client, client.stream("/api/imports", content, query=query, headers=headers) as response:
        raw, report = _follow(response)
    if as_json:
        print_json(raw)
    else:
        _show(report)
    if report.refused or report.conflict:
        raise typer.Exit(ExitCode.REFUSED)  # not all of it came in: a script must see that


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to write the archive.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.zip.")] = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    password_stdin: PasswordOption = False,
) -> None:
    """Write everything into one zip that any computer can read, and that is not encrypted: keep it safe."""
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} exists. Choose another name, or overwrite it with --force.")
    with connect(server, is_insecure=insecure) as client:
        proof = step_up(client, "export", is_from_stdin=password_stdin)
        headers = {"X-Step-Up": proof, "Accept": "application/zip"}
        with _part(file) as part, client.stream("/api/exports", headers=headers) as response:
            _download(response, part)
    say(f"Exported to {file} ({file.stat().st_size} bytes).")
    hint("The archive is not encrypted: whoever has it can read it.")


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > _IMPORT_LIMIT:
            raise typer.BadParameter(f"{file} is over {_IMPORT_LIMIT >> 20} MiB. Split it and import the parts.")
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None


def _follow(response: httpx.Response) -> tuple[bytes, Report]:
    """Shows progress until the report comes; returns it as it came and as we read it.

    Raises: the problem that the stream ends with; UnavailableError when it ends with nothing.
    """
    with _progress(MofNCompleteColumn()) as progress:
        task = progress.add_task("Importing", total=None)
        for text in response.iter_lines():
            line = decode(text.encode(), ImportLine)
            if line.report is not None:
                return _member(text, "report"), line.report
            if line.problem is not None:
                raise error_of(line.problem.status, _member(text, "problem"))
            progress.update(task, completed=line.done, total=line.total)
    raise UnavailableError("The import broke off without a report. Run it again: what came in already counts as the same.")


def _member(text: str, name: str) -> bytes:
    """One member of a line as it came, for `--json` and for the problem's own reader."""
    return bytes(decode(text.encode(), dict[str, msgspec.Raw])[name])


def _show(report: Report) -> None:
    verb = "would be" if report.dry_run else "were"
    say(f"{report.new} {verb} new, {report.same} the same, {report.conflict} in conflict, {report.refused} refused.")
    if report.conflict:
        hint("In conflict: the journal holds another text on that day. It was kept.")
    for problem in report.problems:
        hint(f"  {_where(problem)}: {problem.reason}")


def _where(problem: ImportProblem) -> str:
    return f"{problem.where}, {problem.day}" if problem.day and problem.day != problem.where else problem.where


def _download(response: httpx.Response, part: BinaryIO) -> None:
    declared = response.headers.get("content-length", "")
    with _progress(DownloadColumn()) as progress:
        task = progress.add_task("Exporting", total=int(declared) if declared.isdecimal() else None)
        for piece in response.iter_bytes():
            part.write(piece)
            progress.advance(task, len(piece))


@contextmanager
def _part(file: Path) -> Iterator[BinaryIO]:
    """FILE.part, on the disk and a whole zip before it takes FILE's name; removed when anything fails, for it is readable."""
    written = file.with_name(f"{file.name}.part")
    try:
        written.unlink(missing_ok=True)  # of an attempt that was killed
        handle = os.open(written, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"{written} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "w+b") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
            _check_whole(opened)
        written.replace(file)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _check_whole(opened: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(opened) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise UnavailableError("The archive broke off. Run the command again.") from error
    if damaged is not None:
        raise UnavailableError("The archive is damaged. Run the command again.")


def _progress(*columns: ProgressColumn) -> Progress:
    console = err()
    return Progress(
        TextColumn("{task.description}"), BarColumn(), *columns, console=console, disable=not console.is_terminal, transient=True
    )
