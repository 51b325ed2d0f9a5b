"""Scores of the pillars: one document a day, merged on the server pillar by pillar."""

from collections.abc import Mapping
from datetime import date

import msgspec

from timos.kernel.errors import InputError
from timos.vault.actions import references, whole_days
from timos.vault.actions.whole_days import Days
from timos.vault.collections import pillar_scores
from timos.vault.collections.pillar_scores import PillarScores, Score
from timos.vault.record import Document
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Stored, Written
from timos.vault.store.vault import Vault

MOST = 50


async def merge(vault: Vault, day: date, scores: Mapping[str, Score | None]) -> Written:
    """Pillars that are not named stay as they are; None takes a score away.

    Raises:
        InputError: a pillar that is not there, or more than a day can hold.
    """
    before = await vault.get(pillar_scores.COLLECTION, (day.isoformat(),))
    await references.check(vault, _merged(before, day, scores), _decoded(before, day))
    return await vault.change(pillar_scores.COLLECTION, (day.isoformat(),), lambda stored: _merged(stored, day, scores))


async def between(vault: Reader, first: date, last: date) -> Days[PillarScores]:
    """By day."""
    return await whole_days.between(vault, pillar_scores.COLLECTION, PillarScores, first, last)


def _merged(stored: Stored | None, day: date, scores: Mapping[str, Score | None]) -> Document:
    known = _decoded(stored, day)
    merged = {pillar: score for pillar, score in {**known.scores, **scores}.items() if score is not None}
    if len(merged) > MOST:
        message = f"A day holds the scores of at most {MOST} pillars."
        raise InputError(message, path="$.scores")
    return msgspec.structs.replace(known, scores=merged)


def _decoded(stored: Stored | None, day: date) -> PillarScores:
    return msgspec.json.decode(stored.raw, type=PillarScores) if stored else PillarScores(day=day)
