"""Batches of what was brought in, so that one can be undone."""

from datetime import datetime
from typing import Annotated

import msgspec

from timos.vault.record import KIB, Collection, IdDocument, Key

MOST_PARTS = 10_000


class Made(msgspec.Struct, forbid_unknown_fields=True, frozen=True, array_like=True):
    """A record that the batch made: collection, address and entity tag; undone only while it still has that tag."""

    collection: Annotated[str, msgspec.Meta(max_length=64)]
    id: Annotated[str, msgspec.Meta(max_length=64)]
    etag: Annotated[str, msgspec.Meta(max_length=32)]


class ImportBatch(IdDocument, frozen=True, kw_only=True):
    """A large import is several documents, `part` 1, 2, …, with one `batch`."""

    batch: Annotated[str, msgspec.Meta(max_length=64)]
    part: Annotated[int, msgspec.Meta(ge=1, le=MOST_PARTS)] = 1
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    format: Annotated[str, msgspec.Meta(max_length=32)]
    made: Annotated[tuple[Made, ...], msgspec.Meta(max_length=2000)] = ()


def note_key(batch: str, part: int) -> Key:
    """Where a part is kept."""
    return (f"{batch}-{part}",)


COLLECTION = Collection(
    name="imports", path=None, label="Imports", key=("id",), kinds={"": ImportBatch}, limit_bytes=512 * KIB, is_content=False
)
