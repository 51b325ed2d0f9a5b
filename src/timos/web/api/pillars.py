"""Scores of the pillars."""

from collections.abc import Iterator
from datetime import date

import msgspec

from timos.kernel.errors import DecryptionError, QuotaError, UnavailableError, VaultLockedError
from timos.vault.actions import scores
from timos.vault.collections import pillar_scores, pillars
from timos.vault.collections.pillar_scores import Id, Score
from timos.web.answers import Answer, json_answer
from timos.web.api.ranges import RangeQuery, range_of
from timos.web.api.records.paths import day_of
from timos.web.api.records.record import answer_type, record_of
from timos.web.deps import unlocked
from timos.web.route import Call, Route

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)
PATH = f"{pillars.COLLECTION.path}/scores"


class ScoresRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By the id of the pillar; null takes a score away, what is not named stays."""

    scores: dict[Id, Score | None]


class ScoresAnswer(msgspec.Struct, frozen=True):
    """By day, then by the id of the pillar. `unreadable_days` did not open and were left out."""

    days: dict[str, dict[str, Score]]
    unreadable_days: list[date]


async def merge(call: Call) -> Answer:
    wanted: ScoresRequest = call.body
    written = await scores.merge(await unlocked(call), day_of(call), wanted.scores)
    return json_answer(record_of(pillar_scores.COLLECTION, written.stored), etag=written.stored.etag)


async def show(call: Call) -> Answer:
    found = await scores.between(await unlocked(call), *range_of(call))
    return json_answer(ScoresAnswer({day.isoformat(): one.scores for day, one in found.documents.items()}, found.lost))


def routes() -> Iterator[Route]:
    label = pillars.COLLECTION.label
    yield Route(
        method="GET", path=PATH, name="pillar_scores_list", summary="Scores by day", tag=label, handler=show, query=RangeQuery,
        answer=ScoresAnswer, problems=_PROBLEMS,
    )  # fmt: skip
    yield Route(
        method="PUT",
        path=f"{PATH}/{{day}}",
        name="pillar_scores_merge",
        summary="Score pillars on a day; pillars that are not named stay as they are",
        tag=label,
        handler=merge,
        body=ScoresRequest,
        answer=answer_type(pillar_scores.COLLECTION),
        problems=(QuotaError, *_PROBLEMS),
    )
