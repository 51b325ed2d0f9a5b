"""All that the Today screen needs, in one answer."""

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from timos.vault.actions import habits, weekly, whole_days
from timos.vault.actions.habits import HabitToday
from timos.vault.actions.weekly import CurrentWeek
from timos.vault.collections import daily_entries, feels_entries, mood_logs, pillar_scores, pillars, preferences
from timos.vault.collections.preferences import Preferences, day_at
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Stored

ON_THIS_DAY_YEARS = 5  # looked back


Part = Literal["habits", "moods", "scores"]  # each one document of the day, which only verbs write


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one day; None for what was not written yet. `on_this_day` are entries of the same day in earlier years.
    `unreadable` pillars and habits were left out, and so were those parts of the day that `unreadable_parts` names.
    """

    day: date
    entry: Stored | None
    morning: Stored | None
    evening: Stored | None
    scores: Stored | None
    moods: Stored | None
    preferences: Stored | None
    pillars: list[Stored]
    habits: list[HabitToday]
    week: CurrentWeek
    on_this_day: list[Stored]
    unreadable: int
    unreadable_parts: list[Part]


async def preferences_of(vault: Reader) -> tuple[Stored | None, Preferences]:
    """As stored, and what holds: the defaults where nothing is stored."""
    stored = await vault.get(preferences.COLLECTION, ())
    return stored, msgspec.json.decode(stored.raw, type=Preferences) if stored else Preferences()


def day_now(wanted: Preferences, now: datetime) -> date:
    """Today, for a user with these preferences."""
    return day_at(wanted, now)


async def today(vault: Reader, *, now: datetime, day: date | None) -> Today:
    """`day` None means today by the user's own time zone and hour."""
    stored, wanted = await preferences_of(vault)
    day = day or day_now(wanted, now)
    text = day.isoformat()
    kept, ticked = await vault.whole(pillars.COLLECTION), await habits.of_day(vault, day, wanted)
    logged, are_moods_lost = await whole_days.one(vault, mood_logs.COLLECTION, day)
    scored, are_scores_lost = await whole_days.one(vault, pillar_scores.COLLECTION, day)
    lost: dict[Part, bool] = {"habits": bool(ticked.unreadable_days), "moods": are_moods_lost, "scores": are_scores_lost}
    return Today(
        day=day,
        entry=await vault.get(daily_entries.COLLECTION, (text,)),
        morning=await vault.get(feels_entries.COLLECTION, (text, "morning")),
        evening=await vault.get(feels_entries.COLLECTION, (text, "evening")),
        scores=scored,
        moods=logged,
        preferences=stored,
        pillars=_living(kept.items),
        habits=ticked.items,
        week=await weekly.current(vault, day),
        on_this_day=await _on_this_day(vault, day),
        unreadable=kept.unreadable + ticked.unreadable,
        unreadable_parts=[part for part, is_lost in lost.items() if is_lost],
    )


def _living(kept: list[Stored]) -> list[Stored]:
    found = [(msgspec.json.decode(stored.raw, type=pillars.Pillar), stored) for stored in kept]
    living = [(pillar.position, pillar.name, stored) for pillar, stored in found if pillar.archived_at is None]
    return [stored for *_, stored in sorted(living, key=lambda one: one[:2])]


async def _on_this_day(vault: Reader, day: date) -> list[Stored]:
    days = [_years_before(day, years) for years in range(1, ON_THIS_DAY_YEARS + 1)]
    found = [await vault.get(daily_entries.COLLECTION, (one.isoformat(),)) for one in days]
    return [stored for stored in found if stored]


def _years_before(day: date, years: int) -> date:
    """29 February falls on the 28th in other years."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=day.day - 1) if day.year > years else day - timedelta(days=1)
