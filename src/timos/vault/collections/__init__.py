"""The registry of collections: an explicit list, in the order in which they are exported."""

from timos.vault.collections import daily_entries, feels_entries, preferences
from timos.vault.record import Collection

COLLECTIONS: tuple[Collection, ...] = (
    daily_entries.COLLECTION,
    feels_entries.COLLECTION,
    preferences.COLLECTION,
)
