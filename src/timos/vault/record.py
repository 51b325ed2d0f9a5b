"""What a collection is: the declaration from which its table, routes, export, import, erase, search and leak check follow.

A record is a typed document, sealed whole. Its natural key (a day, a day and a kind, or nothing for the one document of
its sort) is what makes it unique in a vault; in the database it is only a token of the blind index.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache, reduce
from operator import or_
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from timos.kernel.errors import DecryptionError, InputError

FIRST_DAY = date(1000, 1, 1)
LAST_DAY = date.max
KIB = 1024
_ID = re.compile("[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """`path` is where the document names the record."""

    path: str
    collection: str
    id: str


class Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of all stored documents. Unknown fields are refused: a misspelt one would be lost without a word."""

    key_kind: ClassVar[str] = ""

    def texts(self) -> Iterable[str]:
        """What search reads."""
        return ()

    def check(self) -> None:
        """Rules between fields, or that no type can say.

        Raises:
            InputError: names the field.
        """

    def references(self) -> Iterable[Reference]:
        """Records of the same vault that this one points at."""
        return ()


class DayDocument(Document, frozen=True, kw_only=True):
    """A document of one calendar day; the day comes from the address, and must agree when the body names it too."""

    day: date | UnsetType = UNSET


class WeekDocument(Document, frozen=True, kw_only=True):
    """A document of one ISO week, `2026-W47`; the week comes from the address as a day does."""

    week: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{3}-W[0-9]{2}$")] | UnsetType = UNSET


class IdDocument(Document, frozen=True, kw_only=True):
    """A document with a random public id, which is in its address."""

    id: Annotated[str, msgspec.Meta(max_length=64)] | UnsetType = UNSET


class NamedDocument(IdDocument, frozen=True, kw_only=True):
    """No two of a collection have the same name; case, width and white space do not count."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]

    def folded_name(self) -> str:
        """What uniqueness is decided on."""
        return " ".join(unicodedata.normalize("NFKC", self.name).casefold().split())


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """`name` is also the table; `key` names the parts of the natural key, in the order of the address.

    `kinds` maps the values of the key part `kind` to their document types; a collection without it has one type under "".
    `path` None means that only verbs reach it. `label` is for people. `most` bounds how many records with ids a vault may hold. What
    is not content is our own bookkeeping: erased with the rest, but neither searched nor exported.
    """

    name: str
    path: str | None
    label: str
    key: tuple[str, ...]
    kinds: Mapping[str, type[Document]]
    version: int = 1
    limit_bytes: int = 64 * KIB
    most: int | None = None
    is_content: bool = True
    _decoder: msgspec.json.Decoder[Document] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(reduce(or_, self.kinds.values())))

    @property
    def has_days(self) -> bool:
        return bool(self.key) and self.key[0] == "day"

    @property
    def has_ids(self) -> bool:
        return self.key == ("id",)

    @property
    def has_names(self) -> bool:
        """Whether no two of its records may have the same name."""
        return all(issubclass(kind, NamedDocument) for kind in self.kinds.values())

    def keys_between(self, first: date, last: date) -> list[Key]:
        """All keys that this collection can have on these days, both ends included, in their order."""
        days = map(_iso_day, range(first.toordinal(), last.toordinal() + 1))
        if self.key == ("day",):
            return [(day,) for day in days]
        return [(day, kind) for day in days for kind in self.kinds]

    def key_of(self, document: Document) -> Key:
        """The natural key that a stored document names itself."""
        if not self.key:
            return ()
        stated = getattr(document, self.key[0], UNSET)
        first = "" if stated is UNSET else str(stated)  # a date's text is its ISO form
        return (first,) if len(self.key) == 1 else (first, document.key_kind)

    def public_id(self, key: Key) -> str:
        """How an answer names the record."""
        return "/".join(key) or self.name

    def type_of(self, key: Key) -> type[Document]:
        return self.kinds[key[1] if len(key) > 1 else ""]

    def place(self, document: Document, key: Key) -> Document:
        """The document with the key of its address.

        Raises:
            InputError: the body names another one.
        """
        if not self.key:
            return document
        name = self.key[0]
        wanted = date.fromisoformat(key[0]) if name == "day" else key[0]
        stated = getattr(document, name, UNSET)
        if stated is UNSET:
            return msgspec.structs.replace(document, **{name: wanted})
        if stated != wanted:
            message = f"The {name} in the body is not the {name} in the address."
            raise InputError(message, path=f"$.{name}")
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


@lru_cache(4096)  # eleven years: the same days are asked for all the time, and writing one out takes as long as finding its token
def _iso_day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def canonical(document: Document) -> bytes:
    """The one JSON spelling of a document: sorted fields, no spaces, every field present. Equality is decided on it."""
    return msgspec.json.encode(document, order="sorted")


def is_id(text: str) -> bool:
    """Whether this can be an id in an address."""
    return _ID.fullmatch(text) is not None


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
