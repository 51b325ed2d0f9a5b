"""Commands that move a whole journal: import, its undoing, and export."""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal
from urllib.parse import quote

import httpx
import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn

from timos.cli.account import step_up
from timos.cli.answers import ImportedBatches, ImportLine, ImportProblem, Report, Undone, decode, member
from timos.cli.client import Client, connect
from timos.cli.days import zone_of
from timos.cli.exits import ExitCode, error_of
from timos.cli.folders import zip_folder
from timos.cli.options import InsecureOption, JsonOption, PasswordOption, ServerOption
from timos.cli.output import err, hint, print_json, say
from timos.kernel.errors import NotFoundError, UnavailableError

_IMPORT_LIMIT = 1 << 30  # bytes, the most that any server can be set to take; it is held in memory
_MEDIA = {"jsonl": "application/x-ndjson", "archive": "application/zip", "markdown": "application/zip"}
_MANIFEST = "manifest.json"  # what every archive of ours holds, and hardly any folder of notes
_IMPORTS = "/api/imports"

Format = Literal["jsonl", "archive", "markdown"]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command("import")(import_)
    app.command("export")(export)


def import_(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER_OR_FILE", help='A folder of Markdown notes, JSON Lines {"date","text"}, or an archive made by export.'
        ),
    ] = None,
    format_: Annotated[Format | None, typer.Option("--format", help="Seen from the file or folder when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="ID", help="Take an earlier import back; what you changed since stays.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the imports that can be undone.")] = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a journal in. What is there already is never overwritten; running it twice changes nothing."""
    if [path is not None, undo is not None, list_].count(True) != 1:
        raise typer.BadParameter("Give one of FOLDER_OR_FILE, --undo ID and --list.")
    if path is None:
        if dry_run or format_:
            raise typer.BadParameter("--dry-run and --format are for what is brought in.")
        with connect(server, is_insecure=insecure) as client:
            _list(client, as_json=as_json) if undo is None else _undo(client, undo, as_json=as_json)
        return
    kind, content = _opened(path, format_)
    query = {"format": kind, "dry_run": "true" if dry_run else "false"}
    headers = {"Content-Type": _MEDIA[kind], "Accept": "application/x-ndjson"}
    with connect(server, is_insecure=insecure) as client, client.stream(_IMPORTS, content, query=query, headers=headers) as response:
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


def _list(client: Client, *, as_json: bool) -> None:
    reply = client.get(_IMPORTS)
    if as_json:
        print_json(reply.raw)
        return
    found = reply.read(ImportedBatches)
    zone = zone_of(client) if found.items else None
    for one in found.items:
        say(f"{one.id}  {one.at.astimezone(zone):%Y-%m-%d %H:%M}  {one.format}  {one.records} record{'' if one.records == 1 else 's'}")
    if not found.items:
        say("There is no import that can be undone.")
    if found.unreadable:
        hint(f"timos: {found.unreadable} records of imports do not open and are not listed. Tell the operator of the server.")


def _undo(client: Client, batch: str, *, as_json: bool) -> None:
    try:
        reply = client.delete(f"{_IMPORTS}/{quote(batch, safe='')}")
    except NotFoundError as error:
        raise NotFoundError("There is no such import, or it is undone already. See: timos import --list") from error
    if as_json:
        print_json(reply.raw)
        return
    undone = reply.read(Undone)
    say(f"{undone.removed} taken back, {undone.kept} kept that you changed since, {undone.gone} gone already.")
    if undone.unreadable:
        hint(f"timos: {undone.unreadable} records of this import did not open and are forgotten: what they brought in stays.")


def _opened(path: Path, format_: Format | None) -> tuple[Format, bytes]:
    """What it is and its bytes; a folder is packed up first."""
    if path.is_dir():
        if format_ not in {None, "markdown"}:
            raise typer.BadParameter(f"{path} is a folder, and only Markdown notes come in folders.", param_hint="--format")
        return "markdown", zip_folder(path)
    suffix = path.suffix.lower()
    if format_ is None and suffix not in {".jsonl", ".ndjson", ".zip"}:
        raise typer.BadParameter("Say what the file is: --format jsonl, --format archive or --format markdown.")
    content = _content(path)
    if format_ is not None:
        return format_, content
    if suffix != ".zip":
        return "jsonl", content
    if not _may_be_archive(content):
        raise typer.BadParameter(f"{path} is no archive made by export. A zip of Markdown notes needs --format markdown.")
    return "archive", content


def _may_be_archive(content: bytes) -> bool:
    """Only to tell one kind of zip from another; what does not open is for the server to refuse, with the reason."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _MANIFEST in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return True


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
                return member(text.encode(), "report"), line.report
            if line.problem is not None:
                raise error_of(line.problem.status, member(text.encode(), "problem"))
            progress.update(task, completed=line.done, total=line.total)
    raise UnavailableError("The import broke off without a report. Run it again: what came in already counts as the same.")


def _show(report: Report) -> None:
    verb = "would be" if report.dry_run else "were"
    say(f"{report.new} {verb} new, {report.same} the same, {report.conflict} in conflict, {report.refused} refused.")
    if report.conflict:
        hint("In conflict: the journal holds another text on that day. It was kept.")
    for problem in report.problems:
        hint(f"  {_where(problem)}: {problem.reason}")
    if report.batch:
        say(f"To undo it: timos import --undo={report.batch}")


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
