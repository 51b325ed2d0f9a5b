"""What the JSON members of an archive hold."""

from datetime import datetime
from typing import Annotated

import msgspec

FORMAT = "timos-archive"
VERSION = 1
MANIFEST = "manifest.json"


class StoredDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document as it lies in a part."""

    key: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]
    document: msgspec.Raw


class CollectionPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a collection."""

    collection: str
    version: int
    documents: list[StoredDocument]


class File(msgspec.Struct, frozen=True):
    """What the manifest says of a member."""

    bytes: int
    sha256: str


class Format(msgspec.Struct, frozen=True):
    """What every version of the manifest says."""

    format: str
    version: int


class Manifest(Format, frozen=True):
    """The last member."""

    counts: dict[str, int]
    days: int
    files: dict[str, File]
