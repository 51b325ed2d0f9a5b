"""Ticking habits: today's list, streaks, history, and one day of one habit."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import msgspec

from timos.kernel.errors import DecryptionError, NotFoundError, QuotaError, UnavailableError, VaultLockedError
from timos.vault.actions import habits
from timos.vault.actions.habits import HabitStreak, HabitToday
from timos.vault.collections import habit_days, morning_habits
from timos.vault.collections.habit_days import Tick
from timos.web.answers import Answer, empty, json_answer
from timos.web.api.ranges import DayQuery, RangeQuery, range_of, today_of
from timos.web.api.records.paths import day_of
from timos.web.api.records.record import answer_type, record_of
from timos.web.deps import services_of, unlocked
from timos.web.route import Call, Route

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)
PATH = morning_habits.COLLECTION.path


class HabitsToday(msgspec.Struct, frozen=True, kw_only=True):
    """In the user's order; `unreadable` ones did not open and were left out, and so was what was noted on `unreadable_days`."""

    day: date
    habits: list[HabitToday]
    unreadable: int
    unreadable_days: list[date]


class Streaks(msgspec.Struct, frozen=True):
    """In the user's order; `unreadable` habits did not open and were left out; `unreadable_days` did not, and count as skipped."""

    habits: list[HabitStreak]
    unreadable: int
    unreadable_days: list[date]


class HabitHistory(msgspec.Struct, frozen=True):
    """By day, then by the id of the habit. `unreadable_days` did not open and were left out."""

    days: dict[str, dict[str, Tick]]
    unreadable_days: list[date]


async def show_today(call: Call) -> Answer:
    vault = await unlocked(call)
    day, preferences = await today_of(call, vault)
    found = await habits.of_day(vault, day, preferences)
    return json_answer(HabitsToday(day=day, habits=found.items, unreadable=found.unreadable, unreadable_days=found.unreadable_days))


async def show_streaks(call: Call) -> Answer:
    vault = await unlocked(call)
    day, preferences = await today_of(call, vault)
    found = await habits.streaks(vault, day, preferences)
    return json_answer(Streaks(found.items, found.unreadable, found.unreadable_days))


async def show_history(call: Call) -> Answer:
    vault = await unlocked(call)
    first, last = range_of(call)
    found = await habits.history(vault, first, last)
    return json_answer(HabitHistory({day.isoformat(): one.done for day, one in found.documents.items()}, found.lost))


async def tick(call: Call) -> Answer:
    written = await habits.tick(await unlocked(call), day_of(call), call.path["id"], call.body, now=services_of(call).now())
    return json_answer(record_of(habit_days.COLLECTION, written.stored), etag=written.stored.etag)


async def untick(call: Call) -> Answer:
    await habits.untick(await unlocked(call), day_of(call), call.path["id"])
    return empty()


def routes() -> Iterator[Route]:
    route = partial(Route, tag=morning_habits.COLLECTION.label, problems=_PROBLEMS)
    yield route(
        method="GET",
        path=f"{PATH}/today",
        name="habits_today",
        summary="Habits of today",
        handler=show_today,
        query=DayQuery,
        answer=HabitsToday,
    )
    yield route(
        method="GET",
        path=f"{PATH}/streaks",
        name="habits_streaks",
        summary="Streaks that forgive",
        handler=show_streaks,
        query=DayQuery,
        answer=Streaks,
    )
    yield route(
        method="GET",
        path=f"{PATH}/history",
        name="habits_history",
        summary="What was noted, by day",
        handler=show_history,
        query=RangeQuery,
        answer=HabitHistory,
    )
    day_path = f"{PATH}/{{id}}/days/{{day}}"
    yield Route(
        method="PUT",
        path=day_path,
        name="habits_tick",
        summary="Note a habit on a day; other habits of the day stay as they are",
        tag=morning_habits.COLLECTION.label,
        handler=tick,
        body=Tick,
        answer=answer_type(habit_days.COLLECTION),
        problems=(NotFoundError, QuotaError, *_PROBLEMS),
    )
    yield Route(
        method="DELETE",
        path=day_path,
        name="habits_untick",
        summary="Take a note back",
        tag=morning_habits.COLLECTION.label,
        handler=untick,
        status=204,
        problems=(NotFoundError, *_PROBLEMS),
    )
