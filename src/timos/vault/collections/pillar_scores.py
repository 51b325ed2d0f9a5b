"""How the pillars of a life did on one day, from 1 to 10: one document a day, so that the number of pillars does not show."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, linear_regression
from typing import Annotated

import msgspec

from timos.vault.record import Collection, DayDocument, Reference

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Score(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One pillar's day."""

    value: Annotated[int, msgspec.Meta(ge=1, le=10)]
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class PillarScores(DayDocument, frozen=True, kw_only=True):
    """By the id of the pillar."""

    scores: Annotated[dict[Id, Score], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        for score in self.scores.values():
            yield score.note

    def references(self) -> Iterator[Reference]:
        for pillar in self.scores:
            yield Reference(f"$.scores.{pillar}", "pillars", pillar)


COLLECTION = Collection(name="pillar_scores", path=None, label="Pillar scores", key=("day",), kinds={"": PillarScores})

TREND_WEEKS = 12
TREND_POINTS = 4  # fewer weeks with a score show no trend


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekMean:
    """Of the days scored, and how many they were; a recap keeps a snapshot of it."""

    mean: float
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Points of the scale from 1 to 10 gained or lost a week; `n` is the number of weeks with a score."""

    slope_per_week: float
    n: int


def weekly_scores(days: Mapping[date, PillarScores]) -> dict[str, WeekMean]:
    """By the id of the pillar, from the days of one week; a pillar that was not scored in it is not there."""
    values: defaultdict[str, list[int]] = defaultdict(list)
    for day in days.values():
        for pillar, score in day.scores.items():
            values[pillar].append(score.value)
    return {pillar: WeekMean(mean=fmean(scored), days=len(scored)) for pillar, scored in values.items()}


def trend(weeks: Sequence[float | None]) -> Trend | None:
    """Least squares through the last `TREND_WEEKS` of consecutive weeks, oldest first; a week without a score keeps its place."""
    points = [(at, mean) for at, mean in enumerate(weeks[-TREND_WEEKS:]) if mean is not None]
    if len(points) < TREND_POINTS:
        return None
    line = linear_regression([at for at, _ in points], [mean for _, mean in points])
    return Trend(slope_per_week=line.slope, n=len(points))
