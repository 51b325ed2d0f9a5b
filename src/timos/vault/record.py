"""What a collection is: the declaration from which its table, routes, export, import, erase, search and leak check follow.

A record is a typed document, sealed whole. Its natural key (a day, a day and a kind, or nothing for the one document of
its sort) is what makes it unique in a vault; in the database it is only a token of the blind index.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from timos.kernel.errors import DecryptionError, InputError

FIRST_DAY = date(1000, 1, 1)
LAST_DAY = date.max
KIB = 1024


class Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of all stored documents. Unknown fields are refused: a misspelt one would be lost without a word."""

    kind: ClassVar[str] = ""

    def texts(self) -> Iterable[str]:
        """What search reads."""
        raise NotImplementedError

    def check(self) -> None:
        """Rules between fields, or that no type can say.

        Raises:
            InputError: names the field.
        """


class DayDocument(Document, frozen=True, kw_only=True):
    """A document of one calendar day; the day comes from the address, and must agree when the body names it too."""

    day: date | UnsetType = UNSET


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """`name` is also the table; `key` names the parts of the natural key, in the order of the address.

    `kinds` maps the values of the key part `kind` to their document types; a collection without it has one type under "".
    `label` is for people.
    """

    name: str
    path: str
    label: str
    key: tuple[str, ...]
    kinds: Mapping[str, type[Document]]
    version: int = 1
    limit_bytes: int = 64 * KIB
    _decoder: msgspec.json.Decoder[Document] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(reduce(or_, self.kinds.values())))

    @property
    def has_days(self) -> bool:
        return bool(self.key) and self.key[0] == "day"

    def keys_of(self, day: date) -> Iterator[Key]:
        """All keys that this collection can have on a day."""
        if self.key == ("day",):
            yield (day.isoformat(),)
        else:
            for kind in self.kinds:
                yield (day.isoformat(), kind)

    def key_of(self, document: Document) -> Key:
        """The natural key that a stored document names itself."""
        if not self.has_days:
            return ()
        day = getattr(document, "day", UNSET)
        text = day.isoformat() if isinstance(day, date) else ""
        return (text,) if self.key == ("day",) else (text, document.kind)

    def public_id(self, key: Key) -> str:
        """How an answer names the record."""
        return "/".join(key) or self.name

    def type_of(self, key: Key) -> type[Document]:
        return self.kinds[key[1] if len(key) > 1 else ""]

    def place(self, document: Document, key: Key) -> Document:
        """The document with the key of its address.

        Raises:
            InputError: the body names another day.
        """
        if not self.has_days:
            return document
        day = date.fromisoformat(key[0])
        stated = getattr(document, "day", UNSET)
        if stated is UNSET:
            return msgspec.structs.replace(document, day=day)
        if stated != day:
            message = "The day in the body is not the day in the address."
            raise InputError(message, path="$.day")
        return document

    def decode(self, raw: bytes) -> Document:
        """A stored document.

        Raises:
            DecryptionError: opened, but not of this type: only another program with the user's key can have written it.
        """
        try:
            return self._decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise DecryptionError from error


def canonical(document: Document) -> bytes:
    """The one JSON spelling of a document: sorted fields, no spaces, every field present. Equality is decided on it."""
    return msgspec.json.encode(document, order="sorted")


def parse_day(text: str, *, path: str, today_utc: date) -> date:
    """A day to write on: 1000-01-01 to tomorrow, wherever on earth the client is (UTC+14 is a day ahead).

    Raises:
        InputError: names `path`.
    """
    day = parse_bound(text, path=path)
    if day > today_utc + timedelta(days=2):
        message = "A day lies between 1000-01-01 and tomorrow."
        raise InputError(message, path=path)
    return day


def parse_bound(text: str, *, path: str) -> date:
    """An end of a range: the last of a month may lie ahead.

    Raises:
        InputError: names `path`.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # it also takes weeks, and dates without hyphens
        message = "A day is written YYYY-MM-DD and must exist in the calendar."
        raise InputError(message, path=path)
    if day < FIRST_DAY:
        message = "A day does not lie before 1000-01-01."
        raise InputError(message, path=path)
    return day
