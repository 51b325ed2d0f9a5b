"""The weekly recap: what the week shows, and closing it."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from timos.kernel.errors import ConflictError
from timos.vault.actions import scores
from timos.vault.actions.whole_days import Days
from timos.vault.collections import weekly_recaps
from timos.vault.collections.pillar_scores import PillarScores, weekly_scores
from timos.vault.collections.weekly_recaps import Correction, WeeklyRecap, WeekScore, carried, days_of, previous_week, week_of
from timos.vault.record import Document
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Stored, Written
from timos.vault.store.vault import Vault


class CurrentWeek(msgspec.Struct, frozen=True, kw_only=True):
    """`carried` are last week's course corrections that are not done; `scores` are those of the days scored so far, without
    `unreadable_days`.
    """

    week: str
    recap: Stored | None
    carried: tuple[Correction, ...]
    scores: dict[str, WeekScore]
    unreadable_days: list[date]


async def current(vault: Reader, today: date) -> CurrentWeek:
    """The week of a day, with what the recap will be made of."""
    week = week_of(today)
    before = await vault.get(weekly_recaps.COLLECTION, (previous_week(week),))
    scored = await _scored(vault, week)
    return CurrentWeek(
        week=week,
        recap=await vault.get(weekly_recaps.COLLECTION, (week,)),
        carried=carried(msgspec.json.decode(before.raw, type=WeeklyRecap) if before else None),
        scores=_means(scored.documents),
        unreadable_days=scored.lost,
    )


async def _scored(vault: Reader, week: str) -> Days[PillarScores]:
    days = days_of(week)
    return await scores.between(vault, days[0], days[-1])


def _means(scored: Mapping[date, PillarScores]) -> dict[str, WeekScore]:
    """Of the days scored, by pillar."""
    return {pillar: WeekScore(mean=one.mean, days=one.days) for pillar, one in weekly_scores(scored).items()}


async def complete(vault: Vault, week: str, *, now: datetime) -> Written:
    """Closes the recap with the week's scores as they stand; closing twice changes nothing.

    Raises:
        ConflictError: nothing was written for that week yet.
        DecryptionError: scores of the week do not open, and a snapshot without them would stay.
    """
    snapshot = _means((await _scored(vault, week)).whole())

    def edit(stored: Stored | None) -> Document:
        if stored is None:
            message = "There is no recap of this week yet. Write it first."
            raise ConflictError(message)
        recap = msgspec.json.decode(stored.raw, type=WeeklyRecap)
        if recap.completed_at is not None:
            return recap
        return msgspec.structs.replace(recap, completed_at=now, pillar_scores=snapshot or recap.pillar_scores)

    return await vault.change(weekly_recaps.COLLECTION, (week,), edit)
