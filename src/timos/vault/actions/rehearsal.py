"""A dry run: what a number of records would become if they were put into a vault one after the other. Nothing is changed."""

from collections import Counter
from typing import Literal

from timos.kernel.errors import ConflictError
from timos.vault.record import Collection, Document, Key, NamedDocument
from timos.vault.store.vault import TAKEN, Vault, too_many


class Rehearsal:
    """Remembers what would be there by now: of two records with one name the second is refused, as it will be."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._made: dict[tuple[str, Key], Document] = {}
        self._names: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()

    async def restore(self, collection: Collection, key: Key, document: Document) -> Literal["new", "same", "conflict"]:
        """As `Vault.restore`.

        Raises:
            ConflictError, DecryptionError, TooLargeError: the same too.
        """
        outcome = await self._vault.compare(collection, key, document)
        if outcome != "new":
            return outcome
        room = None if collection.most is None else collection.most - await self._vault.count(collection)
        is_taken = isinstance(document, NamedDocument) and await self._vault.has_name(collection, document)
        return self._make(collection, key, document, room=room, is_taken=is_taken)

    def _make(
        self, collection: Collection, key: Key, document: Document, *, room: int | None, is_taken: bool
    ) -> Literal["new", "same", "conflict"]:
        """Waits for nothing: of records that are looked at together each must see those before it."""
        place = (collection.name, key)
        if place in self._made:
            return "same" if self._made[place] == document else "conflict"
        if room is not None and room <= self._counts[collection.name]:
            raise ConflictError(too_many(collection))
        if isinstance(document, NamedDocument):
            name = (collection.name, document.folded_name())
            if is_taken or name in self._names:
                raise ConflictError(TAKEN)
            self._names.add(name)
        self._made[place] = document
        self._counts[collection.name] += 1
        return "new"
