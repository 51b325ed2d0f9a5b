"""Reading an archive, which is hostile until it was checked."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from timos.kernel.errors import InputError, MalformedError
from timos.lifecycle.formats.archive.form import FORMAT, MANIFEST, VERSION, CollectionPart, File, Format, Manifest
from timos.lifecycle.formats.zips import Member, is_safe_name, read_members, unpack

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATA = re.compile(r"data/(?P<collection>[a-z][a-z0-9_]*)(?:-[0-9]+)?\.json")


@dataclass(frozen=True, slots=True)
class ArchivedDocument:
    """A document as it stood; `raw_json` is canonical if TimOS wrote it, and anything at all if somebody else did."""

    collection: str
    version: int
    key: str
    created_at_ms: int
    updated_at_ms: int
    raw_json: bytes


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


def _manifest(raw: bytes, members: dict[str, Member]) -> Manifest:
    if MANIFEST not in members:
        raise InputError("This zip file is no archive made by TimOS: it has no manifest.", path=MANIFEST)
    content = b"".join(unpack(raw, members[MANIFEST]))
    stated = _decode(content, Format, path=MANIFEST)
    if stated.format != FORMAT:
        raise InputError("This zip file is no archive made by TimOS.", path=MANIFEST)
    if stated.version != VERSION:
        raise InputError("This archive was made by another version of TimOS than can be read here.", path=MANIFEST)
    return _decode(content, Manifest, path=MANIFEST)


def _measured(raw: bytes, member: Member) -> File:
    found = hashlib.sha256()
    for chunk in unpack(raw, member):
        found.update(chunk)
    return File(member.size_bytes, found.hexdigest())


def _documents(name: str, content: bytes) -> Iterator[ArchivedDocument]:
    read = _decode(content, CollectionPart, path=name)
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
