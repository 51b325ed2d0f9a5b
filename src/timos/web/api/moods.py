"""Moods and emotions that everybody has, and the diary of moods."""

from collections.abc import Iterator
from datetime import date

import msgspec

from timos.kernel.errors import ConflictError, DecryptionError, NotFoundError, QuotaError, UnavailableError, VaultLockedError
from timos.vault.actions import mood_diary
from timos.vault.actions.mood_diary import NewMoodLog
from timos.vault.actions.today import preferences_of
from timos.vault.collections import mood_logs, moods
from timos.vault.collections.mood_logs import MoodLog
from timos.vault.collections.moods import SystemMood
from timos.vault.collections.preferences import day_at
from timos.vault.emotions import EMOTIONS, Emotion
from timos.vault.record import parse_day
from timos.web.answers import Answer, json_answer
from timos.web.api.ranges import RangeQuery, range_of
from timos.web.api.records.paths import day_of
from timos.web.api.records.record import answer_type, record_of
from timos.web.deps import services_of, unlocked
from timos.web.route import Call, Route

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)
PATH = moods.COLLECTION.path


class SystemMoods(msgspec.Struct, frozen=True):
    """From the worst to the best."""

    items: tuple[SystemMood, ...]


class Emotions(msgspec.Struct, frozen=True):
    """Pleasant before unpleasant, stirred before still."""

    items: tuple[Emotion, ...]


class LoggedMood(msgspec.Struct, frozen=True, kw_only=True):
    """With the day that it counts for."""

    day: date
    log: MoodLog


class MoodDiary(msgspec.Struct, frozen=True):
    """In the order of days and times. `unreadable_days` did not open and were left out."""

    items: list[LoggedMood]
    unreadable_days: list[date]


async def show_system(_: Call) -> Answer:
    return json_answer(SystemMoods(moods.SYSTEM))


async def show_emotions(_: Call) -> Answer:
    return json_answer(Emotions(EMOTIONS))


async def log(call: Call) -> Answer:
    services = services_of(call)
    new: NewMoodLog = call.body
    vault = await unlocked(call)
    at = new.at or services.now()
    _, wanted = await preferences_of(vault)
    day = new.day or day_at(wanted, at)
    parse_day(day.isoformat(), path="$.day" if new.day else "$.at", today_utc=services.today_utc())
    written = await mood_diary.append(
        vault, day, new, at=at, random=services.instance.random, idempotency_key=call.header("idempotency-key")
    )
    return json_answer(record_of(mood_logs.COLLECTION, written.stored), status=201, etag=written.stored.etag)


async def take_back(call: Call) -> Answer:
    written = await mood_diary.take_back(await unlocked(call), day_of(call), call.path["id"])
    return json_answer(record_of(mood_logs.COLLECTION, written.stored), etag=written.stored.etag)


async def show_log(call: Call) -> Answer:
    found = await mood_diary.between(await unlocked(call), *range_of(call))
    return json_answer(
        MoodDiary([LoggedMood(day=day, log=one) for day, logged in found.documents.items() for one in logged.logs], found.lost)
    )


def routes() -> Iterator[Route]:
    label = moods.COLLECTION.label
    yield Route(
        method="GET", path=f"{PATH}/system", name="moods_system", summary="Moods that everybody has", tag=label, handler=show_system,
        answer=SystemMoods,
    )  # fmt: skip
    yield Route(
        method="GET", path="/api/emotions", name="emotions", summary="Words for how somebody feels", tag=label, handler=show_emotions,
        answer=Emotions,
    )  # fmt: skip
    yield Route(
        method="POST",
        path=f"{PATH}/log",
        name="mood_logs_append",
        summary="Log a mood, now or at a time",
        tag=label,
        handler=log,
        body=NewMoodLog,
        answer=answer_type(mood_logs.COLLECTION),
        status=201,
        headers=("Idempotency-Key",),
        is_idempotency_keyed=True,
        problems=(ConflictError, QuotaError, *_PROBLEMS),
    )
    yield Route(
        method="GET", path=f"{PATH}/log", name="mood_logs_list", summary="Logged moods", tag=label, handler=show_log, query=RangeQuery,
        answer=MoodDiary, problems=_PROBLEMS,
    )  # fmt: skip
    yield Route(
        method="DELETE",
        path=f"{PATH}/log/{{day}}/{{id}}",
        name="mood_logs_take_back",
        summary="Take a logged mood back; two devices at once lose nothing",
        tag=label,
        handler=take_back,
        answer=answer_type(mood_logs.COLLECTION),
        problems=(NotFoundError, QuotaError, *_PROBLEMS),
    )
