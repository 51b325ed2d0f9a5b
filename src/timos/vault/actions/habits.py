"""Ticking habits, and what comes of it: today's list, streaks, history.

A tick changes one habit of one day's document, on the server: two devices ticking different habits at once lose nothing.
"""

from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import NotFoundError
from timos.vault.actions import whole_days
from timos.vault.actions.whole_days import Days
from timos.vault.collections import habit_days, morning_habits
from timos.vault.collections.habit_days import HabitDay, Tick
from timos.vault.collections.morning_habits import Habit, Mark, Streak, is_due, streak
from timos.vault.collections.preferences import Preferences, day_at
from timos.vault.record import Document
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Opened, Stored, Written
from timos.vault.store.vault import Vault

T = TypeVar("T")

LONGEST_STREAK_DAYS = 800  # looked back; two documents of a year each
GRACE = {"forgiving": 2, "plain": 0, "hidden": 2}


class HabitToday(msgspec.Struct, frozen=True, kw_only=True):
    """A habit as it stands on a day; `tick` None means nothing was noted."""

    id: str
    habit: Habit
    is_due: bool
    tick: Tick | None


class HabitStreak(msgspec.Struct, frozen=True, kw_only=True):
    """`current` and `best` count days, or weeks for a habit of n times a week; `done` of `due` in the last 30 days, or in the
    running week and the four before it.
    """

    id: str
    name: str
    current: int
    best: int
    done: int
    due: int


class Shown(msgspec.Struct, Generic[T], frozen=True):
    """What is to be said of each habit; `unreadable` habits, and what was noted on `unreadable_days`, were left out."""

    items: list[T]
    unreadable: int
    unreadable_days: list[date]


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """A habit that is not archived; `first` is the day on which it was made."""

    id: str
    habit: Habit
    first: date


async def tick(vault: Vault, day: date, habit_id: str, new: Tick, *, now: datetime) -> Written:
    """Raises:
    NotFoundError: there is no such habit.
    """
    habit = await _require(vault, habit_id)

    def edit(stored: Stored | None) -> Document:
        known = _decoded(stored, day)
        before = known.done.get(habit_id)
        # when it first counted is kept: only that tells whether it was filled in afterwards
        at = before.at if before and (before.skipped or before.value >= habit.target) else new.at or now
        return msgspec.structs.replace(known, done={**known.done, habit_id: msgspec.structs.replace(new, at=at)})

    return await vault.change(habit_days.COLLECTION, (day.isoformat(),), edit)


async def untick(vault: Vault, day: date, habit_id: str) -> Written:
    """Raises:
    NotFoundError: nothing was noted for the habit on that day.
    """

    def edit(stored: Stored | None) -> Document:
        known = _decoded(stored, day)
        if habit_id not in known.done:
            raise NotFoundError
        return msgspec.structs.replace(known, done={name: tick for name, tick in known.done.items() if name != habit_id})

    return await vault.change(habit_days.COLLECTION, (day.isoformat(),), edit)


async def of_day(vault: Reader, day: date, preferences: Preferences) -> Shown[HabitToday]:
    """Every habit that is not archived, in the user's order, with what was noted on that day."""
    known = await history(vault, day, day)
    done = known.documents[day].done if day in known.documents else {}
    kept = await living(vault, preferences)
    shown = [
        HabitToday(id=one.id, habit=one.habit, is_due=is_due(one.habit, day, first=min(one.first, day)), tick=done.get(one.id))
        for one in kept.items
    ]
    return Shown(shown, kept.unreadable, known.lost)


async def streaks(vault: Reader, today: date, preferences: Preferences) -> Shown[HabitStreak]:
    """For every habit that is not archived, over the last 800 days; `hidden` streaks are counted too, the page does not show them. A day
    that does not open counts as skipped: what somebody did cannot be held against them.
    """
    start = today - timedelta(days=LONGEST_STREAK_DAYS)
    known = await history(vault, start, today)
    lost = dict.fromkeys(known.lost, Mark(is_skipped=True))
    found = []
    kept = await living(vault, preferences)
    for one in kept.items:
        marks = {day: _mark(ticks.done[one.id], preferences) for day, ticks in known.documents.items() if one.id in ticks.done}
        first = max(start, min([one.first, *marks]))  # days ticked from before the habit was made count too
        run: Streak = streak(one.habit, lost | marks, first=first, today=today, grace_per_month=GRACE[preferences.streak_style])
        found.append(HabitStreak(id=one.id, name=one.habit.name, current=run.current, best=run.best, done=run.done, due=run.due))
    return Shown(found, kept.unreadable, known.lost)


async def history(vault: Reader, first: date, last: date) -> Days[HabitDay]:
    """What was noted, by day; archived habits too."""
    return await whole_days.between(vault, habit_days.COLLECTION, HabitDay, first, last)


async def living(vault: Reader, preferences: Preferences) -> Opened[Living]:
    """Habits that are not archived, in their order."""
    kept = await vault.whole(morning_habits.COLLECTION)
    found = []
    for stored in kept.items:
        habit = msgspec.json.decode(stored.raw, type=Habit)
        if habit.archived_at is None:
            found.append(Living(id=stored.key[0], habit=habit, first=day_at(preferences, instant(stored.created_ms))))
    return Opened(sorted(found, key=lambda one: (one.habit.position, one.habit.name)), kept.lost)


async def _require(vault: Reader, habit_id: str) -> Habit:
    stored = await vault.get(morning_habits.COLLECTION, (habit_id,))
    if stored is None:
        raise NotFoundError
    return msgspec.json.decode(stored.raw, type=Habit)


def _mark(tick_: Tick, preferences: Preferences) -> Mark:
    at = day_at(preferences, tick_.at) if tick_.at else None
    return Mark(value=tick_.value, is_skipped=tick_.skipped, at=at)


def _decoded(stored: Stored | None, day: date) -> HabitDay:
    return msgspec.json.decode(stored.raw, type=HabitDay) if stored else HabitDay(day=day)
