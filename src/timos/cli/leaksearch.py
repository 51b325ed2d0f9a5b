"""Looking for texts in files, in whatever spelling a program may have left them: the searching half of `timos leakcheck`. Only reads.

A file is searched as it is, and once more in every compressed stream that begins anywhere in it.
"""

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 7  # bytes; fewer are found in 10 MB of noise by accident, one time in four million at this length
LARGEST_STREAM = 4 * 1024 * 1024  # bytes looked at of what one compressed stream unpacks to
_EPOCH = date(1970, 1, 1)
_ZIP_MEMBER = b"PK\x03\x04"
_STREAMS = {b"\x78\x01": zlib.MAX_WBITS, b"\x78\x5e": zlib.MAX_WBITS, b"\x78\x9c": zlib.MAX_WBITS, b"\x78\xda": zlib.MAX_WBITS}
_STREAMS |= {b"\x1f\x8b\x08": zlib.MAX_WBITS + 16}  # gzip


@dataclass(frozen=True, slots=True)
class Canary:
    """What must be found nowhere but in files whose name matches one of `allowed` (`platform.db*`)."""

    name: str
    spellings: frozenset[bytes]
    allowed: tuple[str, ...] = ()

    @classmethod
    def of_text(cls, name: str, text: str, *allowed: str) -> "Canary":
        return cls(name, frozenset(_long_enough(text_spellings(text))), allowed)

    @classmethod
    def of_bytes(cls, name: str, value: bytes, *allowed: str) -> "Canary":
        return cls(name, frozenset(_long_enough(byte_spellings(value))), allowed)

    @classmethod
    def of_day(cls, name: str, day: date, *allowed: str) -> "Canary":
        return cls(name, frozenset(_long_enough(day_spellings(day))), allowed)

    @classmethod
    def of_number(cls, name: str, value: float, *allowed: str) -> "Canary":
        raw = {struct.pack("<d", value), struct.pack(">d", value)}
        return cls(name, frozenset(raw) | frozenset(_long_enough(text_spellings(repr(value)))), allowed)


def text_spellings(text: str) -> Iterator[bytes]:
    """The ways in which a text may lie in a file."""
    raw = text.encode()
    yield from {raw.lower(), raw.upper(), raw[::-1], quote(text, safe="").encode(), quote_plus(text).encode()}
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield from byte_spellings(raw)


def byte_spellings(raw: bytes) -> Iterator[bytes]:
    """As it is, in hexadecimal, and in both alphabets of base64 at each of the three places where it may begin in a longer text."""
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        body = whole[4 if shift else 0 : len(whole) - 1]  # the ends depend on the neighbours
        yield body
        yield body.translate(bytes.maketrans(b"+/", b"-_"))


def day_spellings(day: date) -> Iterator[bytes]:
    """In words and digits of several countries, as a number of days, seconds and milliseconds, and as such a number in eight bytes."""
    year, week, weekday = day.isocalendar()
    texts = {day.isoformat(), f"{day:%Y%m%d}", f"{day:%Y/%m/%d}", f"{day:%d.%m.%Y}", f"{day:%d/%m/%Y}", f"{day:%m/%d/%Y}"}
    texts |= {f"{day:%Y-%j}", f"{year}-W{week:02}-{weekday}", f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day:%Y}", f"{day:%d %b %Y}"}
    seconds = (day - _EPOCH).days * 86_400
    for number in (seconds, seconds * 1000):
        texts.add(str(number))
        yield struct.pack("<q", number)
        yield struct.pack(">q", number)
    for text in texts:
        yield from text_spellings(text)


def leaks_in(content: bytes, file_name: str, canaries: Iterable[Canary]) -> set[str]:
    """The names of the canaries found that are not allowed in a file of this name."""
    if not content.strip(b"\0"):  # the ballast: 8 MiB of nothing, which hundreds of searches need not go through
        return set()
    pieces = [content, *inflated(content)]
    return {
        canary.name
        for canary in canaries
        if not any(Path(file_name).match(pattern) for pattern in canary.allowed)
        and any(spelling in piece for piece in pieces for spelling in canary.spellings)
    }


def inflated(content: bytes) -> Iterator[bytes]:
    """What unpacks, from zlib and gzip streams and from members of zip archives, whole or broken off."""
    for mark, bits in _STREAMS.items():
        for at in _places(content, mark):
            yield from _inflate(content, at, bits)
    for at in _places(content, _ZIP_MEMBER):
        lengths = content[at + 26 : at + 30]  # of the name and the extra field, APPNOTE.TXT section 4.3.7
        if len(lengths) == struct.calcsize("<HH"):
            yield from _inflate(content, at + 30 + sum(struct.unpack("<HH", lengths)), -zlib.MAX_WBITS)


def _inflate(content: bytes, at: int, bits: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(bits)
    found = bytearray()
    step = 4096
    while at < len(content) and len(found) < LARGEST_STREAM and not unpacker.eof:
        before = unpacker.copy()
        try:
            found += unpacker.decompress(content[at : at + step], LARGEST_STREAM)
        except zlib.error:
            if step == 1:
                break
            unpacker, step = before, 1  # once more, byte by byte: what comes before the fault counts
        else:
            at += step
    if len(found) >= SHORTEST:
        yield bytes(found)


def _places(content: bytes, mark: bytes) -> Iterator[int]:
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


def _long_enough(spellings: Iterable[bytes]) -> Iterator[bytes]:
    return (spelling for spelling in spellings if len(spelling) >= SHORTEST)
