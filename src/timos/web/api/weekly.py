"""The current week, and closing a recap."""

from collections.abc import Iterator
from datetime import date

import msgspec

from timos.kernel.errors import ConflictError, DecryptionError, UnavailableError, VaultLockedError
from timos.vault.actions import weekly
from timos.vault.actions.weekly import CurrentWeek
from timos.vault.collections import weekly_recaps
from timos.vault.collections.weekly_recaps import Correction, WeekScore
from timos.web.answers import Answer, json_answer
from timos.web.api.ranges import DayQuery, today_of
from timos.web.api.records.paths import key_of
from timos.web.api.records.record import Record, answer_type, described, record_of
from timos.web.deps import services_of, unlocked
from timos.web.route import Call, Route

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)
PATH = weekly_recaps.COLLECTION.path


class WeekAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`carried`: course corrections of last week that are not done; `scores` so far, by pillar, without those of `unreadable_days`."""

    week: str
    recap: Record | None
    carried: tuple[Correction, ...]
    scores: dict[str, WeekScore]
    unreadable_days: list[date]


WEEK = described(WeekAnswer, recap=answer_type(weekly_recaps.COLLECTION) | None)


def week_answer(found: CurrentWeek) -> WeekAnswer:
    return WeekAnswer(
        week=found.week,
        recap=record_of(weekly_recaps.COLLECTION, found.recap) if found.recap else None,
        carried=found.carried,
        scores=found.scores,
        unreadable_days=found.unreadable_days,
    )


async def show_current(call: Call) -> Answer:
    vault = await unlocked(call)
    day, _ = await today_of(call, vault)
    return json_answer(week_answer(await weekly.current(vault, day)))


async def complete(call: Call) -> Answer:
    (week,) = key_of(weekly_recaps.COLLECTION, None, call)
    written = await weekly.complete(await unlocked(call), week, now=services_of(call).now())
    return json_answer(record_of(weekly_recaps.COLLECTION, written.stored), etag=written.stored.etag)


def routes() -> Iterator[Route]:
    label = weekly_recaps.COLLECTION.label
    yield Route(
        method="GET", path=f"{PATH}/current", name="weekly_current", summary="The running week, with what is carried into it", tag=label,
        handler=show_current, query=DayQuery, answer=WEEK, problems=_PROBLEMS,
    )  # fmt: skip
    yield Route(
        method="POST",
        path=f"{PATH}/{{week}}/complete",
        name="weekly_complete",
        summary="Close the recap with the week's scores as they stand",
        tag=label,
        handler=complete,
        answer=answer_type(weekly_recaps.COLLECTION),
        problems=(ConflictError, *_PROBLEMS),
    )
