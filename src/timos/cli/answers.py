"""What the client reads out of the server's answers. Unknown members are ignored: a newer server may say more."""

from datetime import datetime
from typing import TypeVar

import msgspec

from timos.kernel.errors import TimosError

Document = dict[str, object]  # as the server gave it: what is written back keeps members that this client does not know


class User(msgspec.Struct, frozen=True):
    """Whose session it is."""

    id: str
    address: str
    role: str
    name: str | None = None


class SessionAnswer(msgspec.Struct, frozen=True):
    """Tokens are there when they were asked for with kind `bearer`."""

    user: User
    access_token: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"SessionAnswer({self.user!r})"  # never the tokens


class StepUp(msgspec.Struct, frozen=True):
    """Good for one action, once."""

    token: str

    def __repr__(self) -> str:
        return "StepUp(…)"


class Doc(msgspec.Struct, frozen=True):
    """The envelope of a stored document; `id` is its key path."""

    id: str
    etag: str
    document: Document


class Page(msgspec.Struct, frozen=True):
    """`next` is the cursor of the following page; `unreadable` names records that do not open."""

    items: tuple[Doc, ...]
    unreadable: tuple[str, ...] = ()
    next: str | None = None


class Preferences(msgspec.Struct, frozen=True):
    """The part that decides which day it is."""

    time_zone: str | None = None
    day_ends_at_hour: int = 3


class Note(msgspec.Struct, frozen=True):
    """A timed note; `at` is an instant."""

    text: str
    at: str | None = None
    mood: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """The members of an entry that are shown."""

    title: str | None = None
    body: str | None = None
    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


class Piece(msgspec.Struct, frozen=True):
    """A run of a snippet."""

    text: str
    marked: bool = False


class Hit(msgspec.Struct, frozen=True):
    """One document that was found."""

    collection: str
    id: str
    day: str | None = None
    snippets: tuple[tuple[Piece, ...], ...] = ()


class Found(msgspec.Struct, frozen=True):
    """`unreadable` counts documents that did not open: they are not searched, and the user must hear of it."""

    hits: tuple[Hit, ...]
    total: int
    searched: int
    unreadable: int = 0


class ImportProblem(msgspec.Struct, frozen=True):
    """`where` is a line or a file of what was sent."""

    where: str
    reason: str
    day: str | None = None


class Report(msgspec.Struct, frozen=True):
    """What an import did, or would do."""

    new: int
    same: int
    conflict: int
    refused: int
    dry_run: bool = False
    batch: str | None = None
    problems: tuple[ImportProblem, ...] = ()


class ImportedBatch(msgspec.Struct, frozen=True):
    """An import that can be undone."""

    id: str
    at: datetime
    format: str
    records: int


class ImportedBatches(msgspec.Struct, frozen=True):
    """The newest first; `unreadable` counts parts of imports that did not open."""

    items: tuple[ImportedBatch, ...]
    unreadable: int = 0


class Undone(msgspec.Struct, frozen=True):
    """`kept` were changed since the import, `gone` deleted since; what `unreadable` parts made stays."""

    removed: int
    kept: int
    gone: int
    unreadable: int = 0


class Problem(msgspec.Struct, frozen=True):
    """Why a stream broke off: its status had been sent already."""

    status: int


class ImportLine(msgspec.Struct, frozen=True):
    """A line of the stream: progress, at the end the report, or a problem when it broke off."""

    done: int = 0
    total: int | None = None
    report: Report | None = None
    problem: Problem | None = None


class Receipt(msgspec.Struct, frozen=True):
    """The proof of an erasure; all of it is kept in the user's file, this is what is shown."""

    receipt: str
    statement: str = ""
    horizon: str = ""


T = TypeVar("T")
_OTHER_SHAPE = "The server's answer is not what this version of timos expects. Compare: timos version"


def decode(raw: bytes, kind: type[T]) -> T:
    """Raises: TimosError; the decoder's own words stay out of it, they may quote the journal."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TimosError(_OTHER_SHAPE) from None


def view(document: Document, kind: type[T]) -> T:
    """The members of a document that are shown; the document itself stays as it is, to be written back.

    Raises: TimosError as `decode`.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        raise TimosError(_OTHER_SHAPE) from None


def members(raw: bytes, *names: str) -> bytes:
    """Some members of an answer as they came, for `--json`.

    Raises: TimosError as `decode`.
    """
    return msgspec.json.encode({name: msgspec.Raw(member(raw, name)) for name in names})


def member(raw: bytes, name: str) -> bytes:
    """One member of an answer as it came.

    Raises: TimosError as `decode`; also when it is not there.
    """
    found = decode(raw, dict[str, msgspec.Raw])
    if name not in found:
        raise TimosError(_OTHER_SHAPE)
    return bytes(found[name])
