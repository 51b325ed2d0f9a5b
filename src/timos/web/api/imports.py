"""Moving in: imports, and taking one back."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from datetime import datetime
from typing import Literal

import msgspec

from timos.kernel.errors import DecryptionError, InputError, LimitError, NotFoundError, TooLargeError, UnavailableError, VaultLockedError
from timos.kernel.ids import ID_BYTES, text_of
from timos.lifecycle import undo as undoing
from timos.lifecycle.import_ import Report, import_
from timos.platform.audit import Event
from timos.web.answers import Answer, json_answer
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call, RawBody, Route

NDJSON = "application/x-ndjson"
ZIP = "application/zip"
MOST_IMPORT_BYTES = 1024 * 1024 * 1024  # the operator's own limit is below, see Services.import_limit_bytes
UPLOAD_SECONDS = 600


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`jsonl`: one {"date","text"} a line; `archive`: a zip that this program exported; `markdown`: a zip of a folder of daily notes.
    `dry_run` changes nothing.
    """

    format: Literal["jsonl", "archive", "markdown"] = "jsonl"
    dry_run: bool = False


class ImportProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What was not taken, and why."""

    where: str
    day: str | None
    reason: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """`conflict`: something else is stored, and stayed; `problems` names the first hundred."""

    new: int
    same: int
    conflict: int
    refused: int
    dry_run: bool
    batch: str | None
    problems: list[ImportProblem]


class ImportAnswer(msgspec.Struct, frozen=True):
    """The last line of the stream, or the whole answer."""

    report: ImportReport


class ImportedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """An import that can be undone."""

    id: str
    at: datetime
    format: str
    records: int


class ImportedBatches(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first; `unreadable` records of imports did not open, and what they brought in cannot be undone until they do."""

    items: list[ImportedBatch]
    unreadable: int


class UndoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`kept` were changed since the import, `gone` deleted since. What `unreadable` records of the import brought in stays."""

    removed: int
    kept: int
    gone: int
    unreadable: int


async def take_in(call: Call) -> Answer:
    services = services_of(call)
    session = session_of(call)
    query: ImportQuery = call.query
    if (call.declared_bytes or 0) > services.import_limit_bytes:
        message = f"An import has at most {services.import_limit_bytes} bytes."
        raise TooLargeError(message)
    raw = await call.read_raw(services.import_limit_bytes)
    vault = await unlocked(call)
    steps = import_(
        vault,
        raw,
        query.format,
        dry_run=query.dry_run,
        now_ms=services.instance.clock.now_ms(),
        today_utc=services.today_utc(),
        batch_id=text_of(services.instance.random(ID_BYTES)),
    )
    if not query.dry_run:
        await services.instance.audit.record(Event.IMPORT_MADE, session.user_id)
    if NDJSON in (call.header("accept") or ""):
        return Answer(200, _told(steps), media_type=NDJSON.encode())
    reports = [report async for _done, _total, report in steps]
    return json_answer(ImportAnswer(_report(reports[-1])))


async def _told(steps: AsyncGenerator[tuple[int, int, Report]]) -> AsyncIterator[bytes]:
    last: Report | None = None
    try:
        async with aclosing(steps):
            async for done, total, report in steps:
                last = report
                yield msgspec.json.encode({"done": done, "total": total}) + b"\n"
    except InputError as error:
        # the status has been sent already; the last line says what a problem would
        yield (
            msgspec.json.encode({"problem": {"status": error.status, "code": error.code, "detail": str(error), "path": error.path}}) + b"\n"
        )
        return
    if last is not None:
        yield msgspec.json.encode(ImportAnswer(_report(last))) + b"\n"


def _report(report: Report) -> ImportReport:
    problems = [ImportProblem(where=problem.where, day=problem.day, reason=problem.reason) for problem in report.problems]
    return ImportReport(
        new=report.new,
        same=report.same,
        conflict=report.conflict,
        refused=report.refused,
        dry_run=report.dry_run,
        batch=report.batch,
        problems=problems,
    )


async def list_imports(call: Call) -> Answer:
    stored = await undoing.batches(await unlocked(call))
    found: dict[str, ImportedBatch] = {}
    for _, batch in stored.parts:
        before = found[batch.batch].records if batch.batch in found else 0
        found[batch.batch] = ImportedBatch(id=batch.batch, at=batch.at, format=batch.format, records=before + len(batch.made))
    newest = sorted(found.values(), key=lambda one: one.at, reverse=True)
    return json_answer(ImportedBatches(items=newest, unreadable=stored.unreadable))


async def undo(call: Call) -> Answer:
    undone = await undoing.undo(await unlocked(call), call.path["id"])
    return json_answer(UndoAnswer(removed=undone.removed, kept=undone.kept, gone=undone.gone, unreadable=undone.unreadable))


def routes() -> Iterator[Route]:
    yield Route(
        method="POST",
        path="/api/imports",
        name="import",
        summary="Import; with Accept: application/x-ndjson the progress is told line by line",
        tag="Data",
        handler=take_in,
        body=RawBody,
        media_types=(NDJSON, ZIP),
        body_limit_bytes=MOST_IMPORT_BYTES,
        deadline_seconds=UPLOAD_SECONDS,
        query=ImportQuery,
        answer=ImportAnswer,
        rate="transfer",
        problems=(InputError, TooLargeError, VaultLockedError, LimitError, UnavailableError),
    )
    yield Route(
        method="GET",
        path="/api/imports",
        name="imports_list",
        summary="Imports that can be undone",
        tag="Data",
        handler=list_imports,
        answer=ImportedBatches,
        problems=(VaultLockedError, UnavailableError),
    )
    yield Route(
        method="DELETE",
        path="/api/imports/{id}",
        name="import_undo",
        summary="Undo an import: what it made goes, what was changed since stays",
        tag="Data",
        handler=undo,
        answer=UndoAnswer,
        problems=(NotFoundError, VaultLockedError, DecryptionError, UnavailableError),
    )
