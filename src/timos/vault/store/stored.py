"""What a vault hands out: records that were opened, and what stands for those that did not open."""

from typing import Final, Generic, TypeVar

import msgspec

from timos.kernel.ids import ID_BYTES, bytes_of, text_of
from timos.vault.record import Key

UNKNOWN: Final[Key] = ("unknown",)  # the key of a row that did not open, where only the row itself could tell it
_LOST: Final = "unreadable-"

T = TypeVar("T")


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):  # holds no containers that could hold it: nothing to collect
    """An opened record. `raw` is its canonical JSON, `rev` its entity tag, `salt` what a change compares with; one that was just
    written has neither salt nor sealed size, since nothing is done with it but answering.
    """

    collection: str
    key: Key
    rev: bytes
    created_ms: int
    updated_ms: int
    raw: bytes
    salt: bytes = b""
    sealed_bytes: int = 0

    @property
    def etag(self) -> str:
        return f'"{text_of(self.rev)}"'


class Written(msgspec.Struct, frozen=True):
    """What is stored now; `is_new` tells whether there was nothing before."""

    stored: Stored
    is_new: bool


class Page(msgspec.Struct, frozen=True):
    """Records in the order of their days; `unreadable` are the keys of rows that did not open."""

    items: list[Stored]
    unreadable: list[Key]
    has_more: bool


class Opened(msgspec.Struct, Generic[T], frozen=True):
    """A slice of a scan, or all of it; `lost` are the row ids of what did not open."""

    items: list[T]
    lost: list[bytes] = []

    @property
    def unreadable(self) -> int:
        return len(self.lost)


def lost_key(row_id: bytes) -> Key:
    """What a row that did not open is called where its own key is not known: good for `Vault.delete` and nothing else."""
    return (_LOST + text_of(row_id),)


def lost_id(key: Key) -> bytes | None:
    """The row of a `lost_key`; None for any other key."""
    if len(key) != 1 or not key[0].startswith(_LOST):
        return None
    return bytes_of(key[0].removeprefix(_LOST), ID_BYTES)
