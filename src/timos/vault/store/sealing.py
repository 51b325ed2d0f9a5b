"""One row: sealed in its place, and opened there and nowhere else.

What is sealed is `HEAD` and the record's canonical JSON. What it is bound to is its place: the vault, the table and every column
that is stored in clear.
"""

import struct
from functools import lru_cache
from typing import Final

import msgspec

from timos.crypto.cipher import pae_head, pae_tail, salt_of
from timos.crypto.keys import VaultKeys
from timos.kernel.db.port import Value
from timos.kernel.errors import DecryptionError, TooLargeError
from timos.kernel.ids import ID_BYTES
from timos.vault.record import Collection, Document, Key, NamedDocument, canonical
from timos.vault.store.stored import Stored

HEAD: Final = struct.Struct(">B16sQQ")  # document version, rev, created and updated in ms since 1970
_CONTEXT: Final = b"timos.vault/1"
_ID_LENGTH: Final = pae_tail(bytes(ID_BYTES))[:-ID_BYTES]  # what comes before every row id in a PAE
_NO_TAG: Final = pae_tail(b"")


class _KeyFields(msgspec.Struct):
    day: str = ""
    week: str = ""
    id: str = ""
    kind: str = ""


_key_fields = msgspec.json.Decoder(_KeyFields)


def encoded(collection: Collection, document: Document) -> bytes:
    """Its canonical JSON.

    Raises:
        TooLargeError: more of it than a record of the collection may have.
    """
    raw = canonical(document)
    if len(raw) > collection.limit_bytes:
        message = f"This document is larger than {collection.limit_bytes // 1024} KiB."
        raise TooLargeError(message)
    return raw


def name_tag(keys: VaultKeys, collection: Collection, document: Document) -> bytes | None:
    """Token of the name, where names are unique: equal names collide without the database knowing them."""
    if not isinstance(document, NamedDocument):
        return None
    return keys.index.token(collection.name, "name", document.folded_name())


def seal_row(keys: VaultKeys, collection: Collection, fresh: Stored, row_id: bytes, tag: bytes | None) -> bytes:
    """What is stored of a record in this row."""
    head = HEAD.pack(collection.version, fresh.rev, fresh.created_ms, fresh.updated_ms)
    return keys.cipher.seal(head + fresh.raw, _place(keys.vault_id, collection, row_id, tag))


def open_row(keys: VaultKeys, collection: Collection, key: Key | None, row_id: bytes, sealed: Value, tag: Value) -> Stored:
    """`key` None: as the document itself says, for a scan does not know it."""
    if not isinstance(sealed, bytes):  # as `blob`, without a call more for each row
        raise DecryptionError
    plain = open_plain(keys, collection, row_id, sealed, tag)
    _, rev, created, updated = HEAD.unpack_from(plain)
    raw = plain[HEAD.size :]
    return Stored(
        collection=collection.name,
        key=_key_in(collection, raw) if key is None else key,
        rev=rev,
        created_ms=created,
        updated_ms=updated,
        raw=raw,
        salt=salt_of(sealed),
        sealed_bytes=len(sealed),
    )


def open_plain(keys: VaultKeys, collection: Collection, row_id: bytes, sealed: bytes, tag: Value) -> bytes:
    """What was sealed in this place, its `HEAD` included."""
    plain = keys.cipher.open(sealed, _place(keys.vault_id, collection, row_id, tag))
    if plain[0] > collection.version:
        message = "This record was written by a newer version of TimOS. It was left as it is."
        raise DecryptionError(message)
    return plain


def _place(vault_id: bytes, collection: Collection, row_id: bytes, tag: Value) -> bytes:
    """PAE of context, vault, table and every clear column."""
    if len(row_id) != ID_BYTES:
        raise DecryptionError
    return _place_head(vault_id, collection.name) + row_id + (_NO_TAG if tag is None else pae_tail(_tag(tag)))


@lru_cache(4096)
def _place_head(vault_id: bytes, table: str) -> bytes:
    pieces = (_CONTEXT, vault_id, table.encode())
    return pae_head(len(pieces) + 2, *pieces) + _ID_LENGTH


def _key_in(collection: Collection, raw: bytes) -> Key:
    parts = collection.key
    if not parts:
        return ()
    fields = _key_fields.decode(raw)
    return (getattr(fields, parts[0]),) if len(parts) == 1 else (getattr(fields, parts[0]), getattr(fields, parts[1]))


def _tag(value: Value) -> bytes:
    """Raises:
    DecryptionError: no tag at all: an empty one must not pass for NULL.
    """
    tag = blob(value)
    if not tag:
        raise DecryptionError
    return tag


def blob(value: Value) -> bytes:
    """Narrow a column that the schema makes BLOB NOT NULL; a planted TEXT or NULL is a row that does not open."""
    if not isinstance(value, bytes):
        raise DecryptionError
    return value
