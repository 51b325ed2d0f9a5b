"""TimOS's own archive: a zip that reads without TimOS, and that gives the same documents back.

Writing, in one pass and in this order; every call returns the bytes that are ready to be sent (often none yet):
    archive = ArchiveWriter()
    archive.add_collection(name, version)                                     then, for each of its documents,
    archive.add_document(key, created_at_ms, updated_at_ms, canonical_json)
    archive.add_day(day, markdown)                                            after all collections
    archive.add_text(name, text)                                              if there is something to tell
    archive.finish()                                                          an archive without it cannot be opened
Reading: `read_archive(raw)` gives an `ArchivedDocument` for each document, after the whole archive was checked. It works the
processor hard for up to seconds: run it in a thread.

Members: README.txt · data/<collection>.json (a long collection goes on in data/<collection>-2.json …) ·
entries/YYYY/YYYY-MM-DD.md · manifest.json, last: format version, size and SHA-256 of every other member, counts.

Invariants:
- Nothing but content shows: no account, no instance, no time of making; members are dated 1980.
- Nothing is written to disk, and while writing no more is held than a chunk and a line of the manifest for each member.
- An archive is hostile until checked (`formats.zips`), and no document of it is given before all members have the checksums
  of the manifest.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import InputError, MalformedError, TimosError
from timos.lifecycle.formats.zips import Member, is_safe_name, read_members, unpack

FORMAT = "timos-archive"
VERSION = 1
MANIFEST = "manifest.json"

PART_BYTES = 32 * 1024 * 1024  # of one member of ours, so that with the largest document more it can still be read
CHUNK_BYTES = 64 * 1024  # of what is ready to be sent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATA = re.compile(r"data/(?P<collection>[a-z][a-z0-9_]*)(?:-[0-9]+)?\.json")

_README = """\
This is everything that one person keeps in TimOS, a private journal.

entries/   one Markdown file a day, to be read with anything that opens text
data/      the same and all the rest as JSON, one file for each collection
manifest.json   what belongs to this archive, with sizes and SHA-256 checksums

TimOS reads this archive back as it is (timos import). None of it is encrypted:
keep it where you would keep a diary.
"""


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]
    document: msgspec.Raw


class _Collection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    collection: str
    version: int
    documents: list[_Stored]


class _File(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class _Format(msgspec.Struct, frozen=True):
    format: str
    version: int


class _Manifest(_Format, frozen=True):
    counts: dict[str, int]
    days: int
    files: dict[str, _File]


@dataclass(frozen=True, slots=True)
class ArchivedDocument:
    """A document as it stood; `raw_json` is canonical if TimOS wrote it, and anything at all if somebody else did."""

    collection: str
    version: int
    key: str
    created_at_ms: int
    updated_at_ms: int
    raw_json: bytes


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Sink:
    """A file that only grows. It has no `tell`, so zipfile writes sizes behind the members instead of going back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size_bytes = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size_bytes += len(piece)
        return len(piece)

    def flush(self) -> None: ...
    def close(self) -> None: ...

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size_bytes = 0
        return taken


class _Growing:
    """A member being written: counts and hashes what goes in."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        info = zipfile.ZipInfo(name)  # dated 1980-01-01
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3  # Unix, wherever it is made: the same content is the same archive
        info.external_attr = 0o644 << 16
        self.name = name
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._handle = archive.open(info, "w")

    def write(self, piece: bytes) -> None:
        self._handle.write(piece)
        self._hash.update(piece)
        self.size_bytes += len(piece)

    def close(self) -> _File:
        self._handle.close()
        return _File(self.size_bytes, self._hash.hexdigest())


class _Part:
    """One file of a collection: `{"collection":…,"version":…,"documents":[…]}`, a document a line."""

    def __init__(self, archive: zipfile.ZipFile, collection: str, version: int, number: int) -> None:
        self.collection = collection
        self.version = version
        self.number = number
        self.member = _Growing(archive, f"data/{collection}{f'-{number}' if number > 1 else ''}.json")
        self._separator = b"\n"
        head = msgspec.json.encode(_Collection(collection, version, []))
        self.member.write(head.removesuffix(b"]}"))

    def write(self, document: _Stored) -> None:
        self.member.write(self._separator + msgspec.json.encode(document))
        self._separator = b",\n"

    def close(self) -> _File:
        self.member.write(b"\n]}\n")
        return self.member.close()


class ArchiveWriter:
    """See the module. Dropping one that is not finished is safe; what came out of it is no archive."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._files: dict[str, _File] = {}
        self._counts: dict[str, int] = {}
        self._days = 0
        self._part: _Part | None = None
        self._write_whole("README.txt", _README.encode())

    def add_collection(self, name: str, version: int) -> bytes:
        """Begins a collection. It gets its member even if no document follows."""
        self._counts[name] = 0
        self._begin_part(name, version, 1)
        return self._ready()

    def add_document(self, key: str, created_at_ms: int, updated_at_ms: int, raw_json: bytes) -> bytes:
        """Of the collection begun last; `key` as the API spells it (`2026-11-22/morning`)."""
        part = self._part
        if part is None:
            raise TimosError("The archive could not be written.")  # add_collection comes first
        if part.member.size_bytes > PART_BYTES:
            part = self._begin_part(part.collection, part.version, part.number + 1)
        part.write(_Stored(key, instant(created_at_ms), instant(updated_at_ms), msgspec.Raw(raw_json)))
        self._counts[part.collection] += 1
        return self._ready()

    def add_day(self, day: date, markdown: str) -> bytes:
        """The readable page of a day; each day once."""
        self._end_part()
        self._write_whole(f"entries/{day.isoformat()[:4]}/{day.isoformat()}.md", markdown.encode())
        self._days += 1
        return self._ready()

    def add_text(self, name: str, text: str) -> bytes:
        """A plain text for the reader, beside the collections."""
        self._end_part()
        self._write_whole(name, text.encode())
        return self._ready()

    def finish(self) -> bytes:
        """The last bytes, with the manifest."""
        self._end_part()
        manifest = _Manifest(FORMAT, VERSION, self._counts, self._days, dict(self._files))
        self._write_whole(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        self._zip.close()
        return self._sink.take()

    def _ready(self) -> bytes:
        return self._sink.take() if self._sink.size_bytes >= CHUNK_BYTES else b""

    def _begin_part(self, collection: str, version: int, number: int) -> _Part:
        self._end_part()
        self._part = _Part(self._zip, collection, version, number)
        return self._part

    def _end_part(self) -> None:
        if self._part is not None:
            self._files[self._part.member.name] = self._part.close()
            self._part = None

    def _write_whole(self, name: str, content: bytes) -> None:
        member = _Growing(self._zip, name)
        member.write(content)
        self._files[name] = member.close()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_archive(raw: bytes) -> Iterator[ArchivedDocument]:
    """Checks all members before it gives the first document. `path` of an error names the member.

    An archive made by hand, with a manifest that fits, may still turn out wrong in a later member.

    Raises:
        MalformedError: no zip, damaged, or a member that is not what its name promises.
        TooLargeError: over a limit of `formats.zips`.
        InputError: not made by TimOS, by another version, changed since, or unsafe.
    """
    members = {member.name: member for member in read_members(raw)}
    _check_files(raw, members)
    for member in members.values():
        if member.name.startswith("data/"):
            yield from _documents(member.name, b"".join(unpack(raw, member)))


def _check_files(raw: bytes, members: dict[str, Member]) -> None:
    files = _manifest(raw, members).files
    for name in sorted(files.keys() - members.keys()):
        raise InputError("A member is missing.", path=name if is_safe_name(name) else MANIFEST)
    for name, member in members.items():
        if name == MANIFEST:
            continue
        if name not in files:
            raise InputError("A member does not belong to this archive.", path=name)
        if files[name] != _measured(raw, member):
            raise InputError("A member was changed after the archive was made.", path=name)


def _manifest(raw: bytes, members: dict[str, Member]) -> _Manifest:
    if MANIFEST not in members:
        raise InputError("This zip file is no archive made by TimOS: it has no manifest.", path=MANIFEST)
    content = b"".join(unpack(raw, members[MANIFEST]))
    stated = _decode(content, _Format, path=MANIFEST)
    if stated.format != FORMAT:
        raise InputError("This zip file is no archive made by TimOS.", path=MANIFEST)
    if stated.version != VERSION:
        raise InputError("This archive was made by another version of TimOS than can be read here.", path=MANIFEST)
    return _decode(content, _Manifest, path=MANIFEST)


def _measured(raw: bytes, member: Member) -> _File:
    found = hashlib.sha256()
    for chunk in unpack(raw, member):
        found.update(chunk)
    return _File(member.size_bytes, found.hexdigest())


def _documents(name: str, content: bytes) -> Iterator[ArchivedDocument]:
    read = _decode(content, _Collection, path=name)
    named = _DATA.fullmatch(name)
    if named is None or named["collection"] != read.collection:
        raise MalformedError("A member holds another collection than its name says.", path=name)
    for stored in read.documents:
        created, updated = _milliseconds(stored.created_at), _milliseconds(stored.updated_at)
        document = bytes(stored.document)
        if not _is_utf8(document):  # msgspec does not look into a Raw
            raise MalformedError("A document is not UTF-8.", path=name)
        yield ArchivedDocument(read.collection, read.version, stored.key, created, updated, document)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


_Content = TypeVar("_Content", bound=msgspec.Struct)


def _decode(content: bytes, kind: type[_Content], *, path: str) -> _Content:
    try:
        return msgspec.json.decode(content, type=kind)
    except (RecursionError, msgspec.DecodeError) as error:
        raise MalformedError("A member is not the JSON that an archive of ours has.", path=path) from error
