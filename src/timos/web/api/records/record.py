"""How a record goes out, and how the OpenAPI document describes it."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from timos.kernel.clock import instant
from timos.vault.record import Collection, Document
from timos.vault.store.stored import Stored


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How a stored document goes out; `document` is spliced in as it was opened."""

    id: str
    etag: str
    created_at: datetime
    updated_at: datetime
    document: msgspec.Raw


def record_of(collection: Collection, stored: Stored) -> Record:
    return Record(
        id=collection.public_id(stored.key),
        etag=stored.etag,
        created_at=instant(stored.created_ms),
        updated_at=instant(stored.updated_ms),
        document=msgspec.Raw(stored.raw),
    )


_described: dict[str, Any] = {}  # Any: types made for the OpenAPI document only; one per name, for they are compared by identity


def answer_type(collection: Collection, kind: type[Document] | None = None) -> Any:  # Any: as above
    """`Record` with the document's own type (that of `kind`, or of any kind) in place of the raw bytes."""
    kinds = [kind] if kind else list(collection.kinds.values())
    name = kinds[0].__name__ if len(kinds) == 1 else _title(collection)
    fields = [("id", str), ("etag", str), ("created_at", datetime), ("updated_at", datetime), ("document", reduce(or_, kinds))]
    return _described.setdefault(name, msgspec.defstruct(f"{name}Record", fields))


def listing_type(collection: Collection) -> Any:  # Any: as above
    items = list.__class_getitem__(answer_type(collection))
    name = f"{_title(collection)}Listing"
    return _described.setdefault(name, msgspec.defstruct(name, [("items", items), ("unreadable", list[str]), ("next", str | None)]))


def patch_type(document: type[Document]) -> Any:  # Any: as above
    """What a merge patch of a document may hold: any of its fields, null to take it back to where it began."""
    fields = [(field.encode_name, field.type | None | UnsetType, UNSET) for field in msgspec.structs.fields(document)]
    name = f"{document.__name__}Patch"
    return _described.setdefault(name, msgspec.defstruct(name, fields, forbid_unknown_fields=True))


def described(answer: type[msgspec.Struct], **exact: Any) -> Any:  # Any: as above
    """`answer` with exact types for some of its fields, in place of those with raw bytes in them."""
    fields = [(field.encode_name, exact.get(field.name, field.type)) for field in msgspec.structs.fields(answer)]
    return _described.setdefault(
        answer.__name__, msgspec.defstruct(answer.__name__, fields, namespace={"__doc__": answer.__doc__}, kw_only=True)
    )


def _title(collection: Collection) -> str:
    return collection.name.title().replace("_", "")
