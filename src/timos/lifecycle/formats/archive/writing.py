"""Writing an archive in one pass."""

import hashlib
import zipfile
from datetime import date

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import TimosError
from timos.lifecycle.formats.archive.form import FORMAT, MANIFEST, VERSION, CollectionPart, File, Manifest, StoredDocument

PART_BYTES = 32 * 1024 * 1024  # of one member of ours, so that with the largest document more it can still be read
CHUNK_BYTES = 64 * 1024  # of what is ready to be sent

_README = """\
This is everything that one person keeps in TimOS, a private journal.

entries/   one Markdown file a day, to be read with anything that opens text
data/      the same and all the rest as JSON, one file for each collection
manifest.json   what belongs to this archive, with sizes and SHA-256 checksums

TimOS reads this archive back as it is (timos import). None of it is encrypted:
keep it where you would keep a diary.
"""


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

    def close(self) -> File:
        self._handle.close()
        return File(self.size_bytes, self._hash.hexdigest())


class _Part:
    """One file of a collection: `{"collection":…,"version":…,"documents":[…]}`, a document a line."""

    def __init__(self, archive: zipfile.ZipFile, collection: str, version: int, number: int) -> None:
        self.collection = collection
        self.version = version
        self.number = number
        self.member = _Growing(archive, f"data/{collection}{f'-{number}' if number > 1 else ''}.json")
        self._separator = b"\n"
        head = msgspec.json.encode(CollectionPart(collection, version, []))
        self.member.write(head.removesuffix(b"]}"))

    def write(self, document: StoredDocument) -> None:
        self.member.write(self._separator + msgspec.json.encode(document))
        self._separator = b",\n"

    def close(self) -> File:
        self.member.write(b"\n]}\n")
        return self.member.close()


class ArchiveWriter:
    """See the package. Dropping one that is not finished is safe; what came out of it is no archive."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._files: dict[str, File] = {}
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
        part.write(StoredDocument(key, instant(created_at_ms), instant(updated_at_ms), msgspec.Raw(raw_json)))
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
        manifest = Manifest(FORMAT, VERSION, self._counts, self._days, dict(self._files))
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
