"""The built web app, read into memory once: the shell, which holds no data.

Invariants:
- A file is found by its whole name in a dict; nothing that a client sent ever becomes a path on the disk.
- Half a build counts as none: the build writes its stamp last.
- Names of assets change with their content, so they may be kept for ever; everything else is asked for again, and answered by its ETag.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

STAMP = "build.json"
INDEX = "index.html"
ETAG_CHARACTERS = 32  # 128 bits of SHA-256: nobody meets two files by chance
MAX_CODINGS = 20  # of an Accept-Encoding that are looked at

_UTF8 = "; charset=utf-8"
_MEDIA_TYPES: Final[Mapping[str, str]] = {  # a file of any other kind is not served
    ".css": f"text/css{_UTF8}",
    ".html": f"text/html{_UTF8}",
    ".ico": "image/x-icon",
    ".js": f"text/javascript{_UTF8}",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": f"text/plain{_UTF8}",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_SUFFIXES: Final = ((b"br", ".br"), (b"gzip", ".gz"))  # of compressed files, the smallest first
_ZERO = re.compile(r"q=0(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Variant:
    """One representation, with the strong ETag that is its own (RFC 9110 section 8.8.3.3). `coding` is empty for the file itself."""

    coding: bytes
    body: bytes
    etag: bytes


@dataclass(frozen=True, slots=True)
class File:
    """`variants` in the order in which they are preferred; the last is the file itself."""

    media_type: bytes
    variants: tuple[Variant, ...]

    def for_client(self, accept_encoding: str | None) -> Variant:
        """The smallest that the client takes (RFC 9110 section 12.5.3); the file itself is taken by all."""
        taken = _codings(accept_encoding or "")
        return next(variant for variant in self.variants if not variant.coding or variant.coding.decode("ascii") in taken)


class Shell:
    """All files of a build by name; none where there is no whole build."""

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = dict(files)

    def find(self, name: str) -> File | None:
        """By the name that the build gave it, such as `assets/index-x1y2.js`."""
        return self._files.get(name)


def load(folder: Path) -> Shell:
    """Everything below `folder` that a browser may ask for."""
    if not (folder / STAMP).is_file():
        return Shell({})
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return Shell(
        {
            name: File(_MEDIA_TYPES[suffix].encode("ascii"), _variants(name, contents))
            for name in contents
            if name != STAMP and (suffix := PurePosixPath(name).suffix) in _MEDIA_TYPES
        }
    )


def _variants(name: str, contents: Mapping[str, bytes]) -> tuple[Variant, ...]:
    tag = hashlib.sha256(contents[name]).hexdigest()[:ETAG_CHARACTERS]
    compressed = [
        Variant(coding, contents[name + suffix], f'"{tag}-{suffix[1:]}"'.encode())
        for coding, suffix in _SUFFIXES
        if name + suffix in contents
    ]
    return (*compressed, Variant(b"", contents[name], f'"{tag}"'.encode()))


def _codings(accept_encoding: str) -> set[str]:
    """What is taken; `*` stands for the rest (RFC 9110 section 12.5.3), and is nearly never sent without the names."""
    taken: set[str] = set()
    refused: set[str] = set()
    for part in accept_encoding.lower().split(",", MAX_CODINGS)[:MAX_CODINGS]:
        name, _, weight = part.partition(";")
        (refused if _ZERO.fullmatch(weight.strip()) else taken).add(name.strip())
    if "*" in taken:
        taken |= {"br", "gzip"}
    return taken - refused
