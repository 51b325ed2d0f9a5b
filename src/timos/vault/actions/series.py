"""What readings say, as plain series of days: one number a day, and the days on which each habit was done."""

import asyncio
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import msgspec

from timos.vault.actions.readings import Readings, Tick
from timos.vault.collections.morning_habits import Habit, TimesPerWeek, is_due
from timos.vault.emotions import valence_energy

WEEK_DAYS: Final = 7


def series_of(readings: Readings) -> dict[str, dict[date, float]]:
    """All of `Lines` but habits."""
    mornings = readings.mornings
    mental = {day: float(one.mental_state) for day, one in mornings.items() if one.mental_state is not None}
    mood = _moods(readings)
    affect = _affect(readings)
    return {
        "level": mental | mood | {day: (mental[day] + mood[day]) / 2 for day in mental.keys() & mood.keys()},
        "mental_state": mental,
        "mood": mood,
        "sleep_hours": {day: one.sleep_hours for day, one in mornings.items() if one.sleep_hours is not None},
        "valence": {day: valence for day, (valence, _) in affect.items() if valence is not None},
        "energy": {day: energy for day, (_, energy) in affect.items() if energy is not None},
        "words": readings.words,
    }


def _moods(readings: Readings) -> dict[date, float]:
    """A mood that was deleted since has no level any more."""
    found = {}
    for day, logs in readings.logs.items():
        if levels := [readings.moods[log.mood].level for log in logs if log.mood in readings.moods]:
            found[day] = _mean(levels)
    return found


def _affect(readings: Readings) -> dict[date, tuple[float | None, float | None]]:
    """Valence and energy as stated in the morning; what was not stated follows from the day's words for emotions."""
    found: dict[date, tuple[float | None, float | None]] = {}
    for day in readings.mornings.keys() | readings.evenings.keys():
        morning = readings.mornings.get(day)
        valence, energy = (morning.valence, morning.energy) if morning else (None, None)
        if valence is None or energy is None:
            implied = valence_energy(emotions_of(readings, day)) or (None, None)
            valence, energy = (implied[0] if valence is None else valence, implied[1] if energy is None else energy)
        found[day] = valence, energy
    return found


def emotions_of(readings: Readings, day: date) -> list[str]:
    """Of morning and evening; a word may be there twice."""
    morning, evening = readings.mornings.get(day), readings.evenings.get(day)
    words = [*morning.emotions, *([morning.strongest_emotion] if morning.strongest_emotion else [])] if morning else []
    return words + (evening.emotions if evening else [])


def _mean(values: list[float] | list[int]) -> float:
    return math.fsum(values) / len(values)


# ── habits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class HabitDays(msgspec.Struct, frozen=True):
    """A habit, and whether it was done, on the days on which it was to be done or was."""

    id: str
    habit: Habit
    done: dict[date, bool]


async def habits_of(readings: Readings, first: date, last: date) -> list[HabitDays]:
    """In the user's order, archived ones too; a habit begins on the day it was made, or with its first tick if that is earlier."""
    found = []
    for habit_id, (habit, made) in sorted(readings.habits.items(), key=lambda one: (one[1][0].position, one[1][0].name)):
        ticks = {day: done[habit_id] for day, done in readings.ticks.items() if habit_id in done}
        begun = min([made, *ticks])
        ended = habit.archived_at.date() if habit.archived_at else last
        # a week earlier than the range, for the first means
        days = days_between(max(begun, day_at(first.toordinal() - WEEK_DAYS)), min(ended, last))
        found.append(HabitDays(habit_id, habit, _done(habit, ticks, days, begun=begun, last=last)))
        await asyncio.sleep(0)
    return found


def _done(habit: Habit, ticks: Mapping[date, Tick], days: Iterator[date], *, begun: date, last: date) -> dict[date, bool]:
    """A day skipped, paused or not due says nothing, nor does the last, which may not be over: they are there only when done.

    For a habit of n times a week each day without it counts, since it could have been any.
    """
    found = {}
    for day in days:
        tick = ticks.get(day)
        if tick is not None and not tick.skipped and tick.value >= habit.target:
            found[day] = True
        elif day < last and (tick is None or not tick.skipped) and is_due(habit, day, first=begun):
            found[day] = False
    return found


def completion(habits: list[HabitDays]) -> dict[date, float]:
    """The share done, day by day; a habit of n times a week counts on the days on which it was done."""
    done: dict[date, int] = {}
    counted: dict[date, int] = {}
    for one in habits:
        is_weekly = isinstance(one.habit.schedule, TimesPerWeek)
        for day, is_done in one.done.items():
            if is_done or not is_weekly:
                done[day] = done.get(day, 0) + is_done
                counted[day] = counted.get(day, 0) + 1
    return {day: done[day] / n for day, n in counted.items()}


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────────────


def day_at(ordinal: int) -> date:
    """A day of the calendar: the last weeks of 9999 end with it."""
    return date.fromordinal(min(max(1, ordinal), date.max.toordinal()))


def days_between(first: date, last: date) -> Iterator[date]:
    """Both ends are inclusive."""
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
