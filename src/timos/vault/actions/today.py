"""All that the Today screen needs, in one answer."""

from datetime import date, datetime

import msgspec

from timos.vault.collections import daily_entries, feels_entries, preferences
from timos.vault.collections.preferences import Preferences
from timos.vault.store import Stored, Vault


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one day; None for what was not written yet."""

    day: date
    entry: Stored | None
    morning: Stored | None
    evening: Stored | None
    preferences: Stored | None


async def today(vault: Vault, *, now: datetime, day: date | None) -> Today:
    """`day` None means today by the user's own time zone and hour."""
    stored = await vault.get(preferences.COLLECTION, ())
    if day is None:
        wanted = msgspec.json.decode(stored.raw, type=Preferences) if stored else Preferences()
        day = preferences.day_at(wanted, now)
    text = day.isoformat()
    return Today(
        day=day,
        entry=await vault.get(daily_entries.COLLECTION, (text,)),
        morning=await vault.get(feels_entries.COLLECTION, (text, "morning")),
        evening=await vault.get(feels_entries.COLLECTION, (text, "evening")),
        preferences=stored,
    )
