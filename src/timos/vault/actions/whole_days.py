"""Documents of days that only verbs write, read such that one which does not open hides no other."""

from datetime import date
from typing import Generic, TypeVar

import msgspec

from timos.kernel.errors import DecryptionError
from timos.vault.record import Collection, Document
from timos.vault.store.reading import MOST_TOKENS, Reader
from timos.vault.store.stored import Stored

D = TypeVar("D", bound=Document)


class Days(msgspec.Struct, Generic[D], frozen=True):
    """In the order of days; `lost` are days whose document does not open, or is not of its type."""

    documents: dict[date, D]
    lost: list[date]

    def whole(self) -> dict[date, D]:
        """For what is to be written on the strength of them.

        Raises:
            DecryptionError: one is lost.
        """
        if self.lost:
            raise DecryptionError
        return self.documents


async def between(vault: Reader, collection: Collection, form: type[D], first: date, last: date) -> Days[D]:
    """Whatever the length of the range. `form` is the one type that the collection holds."""
    found: Days[D] = Days({}, [])
    while first <= last:
        until = min(last, date.fromordinal(min(first.toordinal() + MOST_TOKENS - 1, date.max.toordinal())))
        page = await vault.days(collection, first, until, limit=MOST_TOKENS)
        found.lost.extend(date.fromisoformat(day) for (day,) in page.unreadable)
        for stored in page.items:
            try:
                found.documents[date.fromisoformat(stored.key[0])] = msgspec.json.decode(stored.raw, type=form)
            except msgspec.MsgspecError:
                found.lost.append(date.fromisoformat(stored.key[0]))
        if until == date.max:
            break
        first = date.fromordinal(until.toordinal() + 1)
    found.lost.sort()
    return found


async def one(vault: Reader, collection: Collection, day: date) -> tuple[Stored | None, bool]:
    """What is stored on that day, and whether something is that does not open."""
    page = await vault.days(collection, day, day)
    return (page.items[0] if page.items else None), bool(page.unreadable)
