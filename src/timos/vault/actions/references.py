"""A document may point only at what is there: a pillar, habit or mood of the same vault.

Only what a write adds is looked at: an entry of last year that names a pillar deleted since can still be changed.
"""

from timos.kernel.errors import InputError
from timos.vault.collections import COLLECTIONS, moods
from timos.vault.record import Document
from timos.vault.store.reading import Reader

_BY_NAME = {collection.name: collection for collection in COLLECTIONS}
_SYSTEM_MOODS = frozenset(mood.id for mood in moods.SYSTEM)


async def check(vault: Reader, document: Document, before: Document | None) -> None:
    """Raises:
    InputError: names the first reference that leads nowhere. Somebody else's record is nowhere too.
    """
    known = {(one.collection, one.id) for one in before.references()} if before else set()
    for reference in document.references():
        place = (reference.collection, reference.id)
        if place in known or (reference.collection == moods.COLLECTION.name and reference.id in _SYSTEM_MOODS):
            continue
        if await vault.get(_BY_NAME[reference.collection], (reference.id,)) is None:
            message = f"There is no such record among your {_BY_NAME[reference.collection].label.lower()}."
            raise InputError(message, path=reference.path)
        known.add(place)
