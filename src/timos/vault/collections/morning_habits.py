"""Habits: what a user wants to do again and again, and when it counts as done."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from timos.kernel.errors import InputError
from timos.vault.record import Collection, NamedDocument

MOST = 100  # of one user, archived ones included

Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]  # ISO 8601: Monday is 1


class EveryDay(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag_field="every", tag="day"):
    """Each calendar day."""


class Weekdays(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag_field="every", tag="weekdays"):
    """Some days of the week."""

    days: Annotated[tuple[Weekday, ...], msgspec.Meta(min_length=1, max_length=7)]


class TimesPerWeek(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag_field="every", tag="week"):
    """So many days of a week, whichever they are."""

    times: Annotated[int, msgspec.Meta(ge=1, le=7)]


Schedule = EveryDay | Weekdays | TimesPerWeek


class Pause(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Days that do not count, both ends included; an open end lasts until it is set."""

    first: date
    last: date | None = None


class Habit(NamedDocument, frozen=True, kw_only=True):
    """`target` is what a day needs to count as done: 1 for a check, a number or minutes otherwise."""

    icon: Annotated[str, msgspec.Meta(max_length=32)] = ""
    schedule: Schedule = EveryDay()
    kind: Literal["check", "count", "minutes"] = "check"
    target: Annotated[float, msgspec.Meta(gt=0, le=100_000)] = 1.0
    unit: Annotated[str, msgspec.Meta(max_length=32)] = ""
    position: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    pauses: Annotated[tuple[Pause, ...], msgspec.Meta(max_length=200)] = ()
    archived_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def texts(self) -> Iterator[str]:
        yield self.name

    def check(self) -> None:
        """Raises:
        InputError: a pause ends before it begins, or a check needs more than being checked.
        """
        if self.kind == "check" and self.target != 1:
            message = "A habit that is only checked has the target 1."
            raise InputError(message, path="$.target")
        for at, pause in enumerate(self.pauses):
            if pause.last is not None and pause.last < pause.first:
                message = "A pause ends before it begins."
                raise InputError(message, path=f"$.pauses[{at}].to")


COLLECTION = Collection(name="morning_habits", path="/api/habits", label="Habits", key=("id",), kinds={"": Habit}, most=MOST)


# ── what became of a day ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the user said about a day of a habit. `at` is the user's calendar day on which they said it; None counts as in time."""

    value: float = 1
    is_skipped: bool = False
    at: date | None = None


class Outcome(StrEnum):
    """How one day of a habit stands. A day of a habit with so many times a week is never missed by itself."""

    DONE = "done"
    SKIPPED = "skipped"
    MISSED = "missed"
    NOT_DUE = "not_due"
    PAUSED = "paused"
    OPEN = "open"


def is_due(habit: Habit, day: date, *, first: date) -> bool:
    """Whether the day may be held against the habit; `first` is the habit's first day. Archived habits are the caller's to leave out."""
    return day >= first and _is_scheduled(habit.schedule, day) and not _is_paused(habit, day)


def outcome(habit: Habit, mark: Mark | None, day: date, *, first: date, today: date) -> Outcome:
    """What was done is done, whether due, paused or ticked late; a value below the target is as good as none."""
    if mark is not None and _is_done(habit, mark):
        return Outcome.DONE
    if _is_paused(habit, day):
        return Outcome.PAUSED
    if not is_due(habit, day, first=first):
        return Outcome.NOT_DUE
    if mark is not None and mark.is_skipped:
        return Outcome.SKIPPED
    if day >= today:
        return Outcome.OPEN
    return Outcome.NOT_DUE if isinstance(habit.schedule, TimesPerWeek) else Outcome.MISSED


def _is_done(habit: Habit, mark: Mark) -> bool:
    return not mark.is_skipped and mark.value >= habit.target


def _is_paused(habit: Habit, day: date) -> bool:
    return any(pause.first <= day and (pause.last is None or day <= pause.last) for pause in habit.pauses)


def _is_scheduled(schedule: Schedule, day: date) -> bool:
    return not isinstance(schedule, Weekdays) or day.isoweekday() in schedule.days


# ── streaks ──────────────────────────────────────────────────────────────────────────────────────────────────────────
# Days are ordinals and weeks are numbers here, and sets of them are subtracted: Today needs all streaks, and a year costs a
# quarter of what asking each day for its outcome does. The tests hold the one to the other.

GRACE_PER_MONTH = 2  # missed days of a calendar month that a streak survives
BACKFILL_DAYS = 2  # 48 hours from the end of a day: Monday can be ticked until Wednesday is over
RECENT_DAYS = 30
RECENT_WEEKS = 4  # whole ones, before the running one


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """`current` and `best` in days, or in weeks for so many times a week. "26 of 30" is `done` of `due`."""

    current: int
    best: int
    done: int
    due: int


def streak(habit: Habit, ticks: Mapping[date, Mark], *, first: date, today: date, grace_per_month: int = GRACE_PER_MONTH) -> Streak:
    """The days from `first` to `today`, both included; ticks outside them are not looked at.

    By days: a streak is a stretch with at most `grace_per_month` missed days in any calendar month, and its length is the
    number of days done in it. So one miss too many does not end it at once: it then begins after the earliest miss that
    stands in its way. Three misses in a row leave nothing. Grace is never used up by an absence before the streak.

    By weeks (Monday to Sunday): a week counts when it has enough days done, and there is no grace beside that. A week needs
    `times × open days ÷ 7`, to the nearest whole number; paused and skipped days and those before `first` are not open. One
    that needs nothing and has nothing done neither counts nor breaks.

    Both: paused, skipped and not due days neither count nor break, but what was done on any day counts. Today and the
    running week count once done, and break nothing. A tick or a skip made more than `BACKFILL_DAYS` after its day is no
    repair: for `current` and `best` the day stays as it was without it, while `done` and `due` take it as it is. A pause
    may be set at any time.

    `done` and `due`: of the last 30 days, those done, and those done or missed. By weeks: the times done and needed in the
    last four whole weeks and the running one, none beyond a week's need, and of the running week only what is done.
    """
    if isinstance(habit.schedule, TimesPerWeek):
        return _streak_of_weeks(habit, habit.schedule.times, ticks, first=first, today=today)
    begin = max(first, today - timedelta(days=RECENT_DAYS - 1))
    done, missed = _days(habit, _in_time(ticks), first=first, today=today)
    recent_done, recent_missed = _days(habit, _since(begin, ticks), first=begin, today=today)
    current, best = _lengths(sorted(done), sorted(missed), grace=grace_per_month)
    return Streak(current=current, best=best, done=len(recent_done), due=len(recent_done) + len(recent_missed))


def _streak_of_weeks(habit: Habit, times: int, ticks: Mapping[date, Mark], *, first: date, today: date) -> Streak:
    begin = max(first, today - timedelta(days=today.weekday() + 7 * RECENT_WEEKS))
    weeks = _weeks(habit, times, _in_time(ticks), first=first, today=today)
    kept = [week.number for week in weeks if week.done >= max(1, week.needed)]
    broken = [week.number for week in weeks if week.is_over and week.done < week.needed]
    current, best = _lengths(kept, broken, grace=0)
    recent = _weeks(habit, times, _since(begin, ticks), first=begin, today=today)
    enough = [min(week.done, week.needed) for week in recent]
    lacking = [week.needed - week.done for week in recent if week.is_over and week.done < week.needed]
    return Streak(current=current, best=best, done=sum(enough), due=sum(enough) + sum(lacking))


def _lengths(done: Sequence[int], missed: Sequence[int], *, grace: int) -> tuple[int, int]:
    """The longest stretch that reaches the end, and the longest of all; both arguments ascend and share no day."""
    best, after = 0, 0
    for at, miss in enumerate(missed):
        best = max(best, bisect_left(done, miss) - bisect_right(done, after))
        if at >= grace and _are_of_one_month(missed[at - grace], miss):
            after = missed[at - grace]
    current = len(done) - bisect_right(done, after)
    return current, max(best, current)


def _are_of_one_month(one: int, other: int) -> bool:
    if one == other:  # always so without grace, where the numbers may be weeks
        return True
    first, second = date.fromordinal(one), date.fromordinal(other)
    return (first.year, first.month) == (second.year, second.month)


def _days(habit: Habit, ticks: Mapping[date, Mark], *, first: date, today: date) -> tuple[set[int], set[int]]:
    """The days done, and those missed: due, over, and nothing said."""
    done, skipped = _marked(habit, ticks, first=first, today=today)
    over = range(first.toordinal(), today.toordinal())
    due = _scheduled(habit.schedule, over) - _paused(habit, over)
    return done, due - done - skipped


@dataclass(frozen=True, slots=True)
class _Week:
    number: int  # from the Monday with which the calendar begins
    done: int
    needed: int
    is_over: bool


def _weeks(habit: Habit, times: int, ticks: Mapping[date, Mark], *, first: date, today: date) -> list[_Week]:
    begin, running = _week(first.toordinal()), _week(today.toordinal())
    done, skipped = _marked(habit, ticks, first=first, today=today)
    before = range(begin * 7 + 1, first.toordinal())
    paused = _paused(habit, range(first.toordinal(), running * 7 + 8))
    done_in, free_in = Counter(map(_week, done)), Counter(map(_week, paused.union(skipped, before)))
    # doubled to round to the nearest; never half-way, since seven is odd
    return [_Week(at, done_in[at], (2 * times * (7 - free_in[at]) + 7) // 14, at < running) for at in range(begin, running + 1)]


def _week(ordinal: int) -> int:
    return (ordinal - 1) // 7  # the first day of the calendar was a Monday


def _in_time(ticks: Mapping[date, Mark]) -> dict[date, Mark]:
    return {day: mark for day, mark in ticks.items() if mark.at is None or (mark.at - day).days <= BACKFILL_DAYS}


def _since(begin: date, ticks: Mapping[date, Mark]) -> dict[date, Mark]:
    return {day: mark for day, mark in ticks.items() if day >= begin}


def _marked(habit: Habit, ticks: Mapping[date, Mark], *, first: date, today: date) -> tuple[set[int], set[int]]:
    """The days done, and those skipped."""
    done: set[int] = set()
    skipped: set[int] = set()
    for day, mark in ticks.items():
        if first <= day <= today:
            if mark.is_skipped:
                skipped.add(day.toordinal())
            elif mark.value >= habit.target:
                done.add(day.toordinal())
    return done, skipped


def _scheduled(schedule: Schedule, days: range) -> set[int]:
    if not isinstance(schedule, Weekdays):
        return set(days)
    return {day for day in days if (day - 1) % 7 + 1 in schedule.days}


def _paused(habit: Habit, days: range) -> set[int]:
    paused: set[int] = set()
    for pause in habit.pauses:
        stop = days.stop if pause.last is None else min(days.stop, pause.last.toordinal() + 1)
        paused.update(range(max(days.start, pause.first.toordinal()), stop))
    return paused
