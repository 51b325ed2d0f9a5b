"""Reading a zip file that somebody else may have made, in memory.

- A file is hostile until checked: the number of members, their sizes, ratio, names and places are bounded before anything is
  unpacked, and unpacking stops at the stated size. Nothing is written to disk.
- zipfile is not asked: it builds all members before one can count them, and forgives prefixes, overlaps and headers that
  disagree. There two programs would see two different archives.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from timos.kernel.errors import InputError, MalformedError, TooLargeError

MAX_MEMBERS = 20_000  # fifty years of days
MAX_MEMBER_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
MAX_RATIO = 200
SMALL_BYTES = 8 * 1024 * 1024  # below this no ratio is suspicious: a page of one repeated letter is somebody's entry

_CHUNK_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*/?")  # so neither "/x" nor "..", "\" or "C:"

_END = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
_ENTRY = struct.Struct("<4s6H3L5H2L")  # central directory header, APPNOTE 4.3.12
_LOCAL = struct.Struct("<4s5H3L2H")  # local file header, APPNOTE 4.3.7
_MAX_COMMENT_BYTES = 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x2041  # flag bits 0, 6, 13: traditional, strong, hidden headers
_FILE_TYPES = {0, 0o100000, 0o040000}  # not stated, regular, folder; so no links and no devices


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the central directory has it, and where its bytes are."""

    name: str
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    header_at: int
    start: int

    @property
    def end(self) -> int:
        return self.start + self.packed_bytes


def is_safe_name(name: str) -> bool:
    """A relative path of plain ASCII, so that it means the same everywhere."""
    return _NAME.fullmatch(name) is not None


def read_members(raw: bytes, *, is_safe: Callable[[str], bool] = is_safe_name) -> list[Member]:
    """All members but folders, checked as far as can be without unpacking. `path` of an error names the member.

    `is_safe` says which names are taken; a wider rule than ours is for readers that never make a file of a name.

    Raises:
        MalformedError: no zip file, or damaged.
        TooLargeError: over a limit of this module.
        InputError: encrypted, a link, an unsafe or repeated name, overlapping.
    """
    count, directory_at, end = _directory(raw)
    if count > MAX_MEMBERS:
        raise TooLargeError(f"An archive has at most {MAX_MEMBERS} members.", path="archive")
    members, at = [], directory_at
    for number in range(1, count + 1):
        if at + _ENTRY.size > end:
            raise _damaged("archive")
        member, at = _member(raw, at, number, is_safe)
        members.append(member)
    if at != end:
        raise _damaged("archive")
    _check_names(members)
    _check_places(members, end=directory_at)
    _check_sizes(members)
    return [member for member in members if not _is_folder(member)]


def _directory(raw: bytes) -> tuple[int, int, int]:
    """How many members the directory has, where it starts and ends."""
    at = raw.rfind(b"PK\x05\x06", max(0, len(raw) - _END.size - _MAX_COMMENT_BYTES))
    if at < 0 or at + _END.size > len(raw):
        raise MalformedError("This is not a complete zip file.", path="archive")
    _, disk, first_disk, count_here, count, size, start, comment = _END.unpack_from(raw, at)
    # The directory must stand where it says, touch its end mark, and that the end of the file: with a prefix or a gap, programs
    # differ in what they take for the directory. ZIP64 (all ones) fails here too; an archive within the limits needs none.
    if disk or first_disk or count_here != count or start + size != at or at + _END.size + comment != len(raw):
        raise _damaged("archive")
    return count, start, at


def _member(raw: bytes, at: int, number: int, is_safe: Callable[[str], bool]) -> tuple[Member, int]:
    fields = _ENTRY.unpack_from(raw, at)
    mark, _, _, flags, method, _, _, crc, packed, size, name_bytes, extra, comment, disk, _, attributes, header_at = fields
    name_at = at + _ENTRY.size
    raw_name = raw[name_at : name_at + name_bytes]
    name = _safe_name(raw_name, number, is_safe)
    if mark != b"PK\x01\x02" or disk:
        raise _damaged(name)
    if flags & _ENCRYPTED:
        raise InputError("A member is encrypted. Unpack the archive and pack it anew without a password.", path=name)
    if method not in {_STORED, _DEFLATED}:
        raise InputError("A member is packed in a way that is not read here.", path=name)
    if (attributes >> 16) & 0o170000 not in _FILE_TYPES:
        raise InputError("A member is a link or a device.", path=name)
    start = _start(raw, header_at, raw_name, method, path=name)
    return Member(name, method, crc, packed, size, header_at, start), name_at + name_bytes + extra + comment


def _safe_name(raw_name: bytes, number: int, is_safe: Callable[[str], bool]) -> str:
    try:
        name = raw_name.decode("utf-8")  # some write it without the flag that says so
    except UnicodeDecodeError:
        name = raw_name.decode("cp437")  # APPNOTE D.1; takes all bytes, so that different names stay different
    if not is_safe(name):
        raise InputError("A member has a name that no archive of ours has.", path=f"member {number}")
    return name


def _start(raw: bytes, header_at: int, raw_name: bytes, method: int, *, path: str) -> int:
    """Where the packed bytes begin. The local header must be for the same member: some readers believe that one."""
    if header_at + _LOCAL.size > len(raw):
        raise _damaged(path)
    mark, _, flags, local_method, _, _, _, _, _, name_bytes, extra = _LOCAL.unpack_from(raw, header_at)
    name_at = header_at + _LOCAL.size
    if mark != b"PK\x03\x04" or flags & _ENCRYPTED or local_method != method or raw[name_at : name_at + name_bytes] != raw_name:
        raise _damaged(path)
    return int(name_at + name_bytes + extra)


def _check_names(members: list[Member]) -> None:
    names: set[str] = set()
    for member in members:
        if member.name.lower() in names:  # on many disks they would be one file
            raise InputError("Two members have the same name.", path=member.name)
        names.add(member.name.lower())


def _check_places(members: list[Member], *, end: int) -> None:
    free_from = 0
    for member in sorted(members, key=attrgetter("header_at")):
        if member.header_at < free_from or member.end > end:
            raise InputError("Members overlap.", path=member.name)
        free_from = member.end


def _check_sizes(members: list[Member]) -> None:
    total = 0
    for member in members:
        total += member.size_bytes
        if member.size_bytes > MAX_MEMBER_BYTES:
            raise TooLargeError(f"A member has at most {MAX_MEMBER_BYTES // 2**20} MiB.", path=member.name)
        if member.size_bytes > max(SMALL_BYTES, MAX_RATIO * member.packed_bytes):
            raise TooLargeError(f"A member unpacks to more than {MAX_RATIO} times its size.", path=member.name)
    if total > MAX_TOTAL_BYTES:
        raise TooLargeError(f"An archive unpacks to at most {MAX_TOTAL_BYTES // 2**20} MiB.", path="archive")


def _is_folder(member: Member) -> bool:
    """Zip programs add members for folders when an unpacked archive is packed again."""
    if not member.name.endswith("/"):
        return False
    if member.size_bytes:  # not packed_bytes: some pack nothing into two bytes
        raise InputError("A folder has content.", path=member.name)
    return True


def unpack(raw: bytes, member: Member) -> Iterator[bytes]:
    """Its content in chunks. Never more than it states.

    Raises:
        MalformedError: less or more than stated, or another checksum; known only at the end.
    """
    crc = size = 0
    for chunk in _inflated(raw, member) if member.method == _DEFLATED else _sliced(raw, member):
        size += len(chunk)
        if size > member.size_bytes:
            raise _damaged(member.name)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != member.size_bytes or crc != member.crc:
        raise _damaged(member.name)


def _sliced(raw: bytes, member: Member) -> Iterator[bytes]:
    for at in range(member.start, member.end, _CHUNK_BYTES):
        yield raw[at : min(at + _CHUNK_BYTES, member.end)]


def _inflated(raw: bytes, member: Member) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _sliced(raw, member):
            waiting = packed
            while waiting:
                if inflater.eof:  # at once: zlib would collect what follows, copying it each time
                    raise _damaged(member.name)
                yield inflater.decompress(waiting, _CHUNK_BYTES)
                waiting = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(b"", _CHUNK_BYTES)):
            yield rest
    except zlib.error as error:
        raise _damaged(member.name) from error
    if not inflater.eof or inflater.unused_data:
        raise _damaged(member.name)


def _damaged(path: str) -> MalformedError:
    return MalformedError("The archive is damaged.", path=path)
