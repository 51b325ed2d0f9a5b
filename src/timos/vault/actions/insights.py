"""What a range of days shows: the series behind the charts, and patterns. Computed on every read; nothing of it is kept."""

import asyncio
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, Literal, TypeVar

import msgspec

from timos.vault.actions.readings import Morning, Readings, read
from timos.vault.actions.series import WEEK_DAYS, HabitDays, completion, day_at, days_between, emotions_of, habits_of, series_of
from timos.vault.collections.pillar_scores import TREND_WEEKS, PillarScores, Trend, WeekMean, trend, weekly_scores
from timos.vault.collections.weekly_recaps import week_of
from timos.vault.patterns import (
    Association,
    Balance,
    Repeated,
    Series,
    Share,
    WeekdayMean,
    by_weekday,
    counts,
    givers_and_drainers,
    goes_with,
    mean_of_7,
    repeated,
    wording,
)
from timos.vault.store.reading import Reader

FULL_NIGHT_HOURS: Final = 7
MOST_WORDS: Final = 20  # in a list for people
MOST_WORDS_OF_A_WEEKDAY: Final = 5

T = TypeVar("T")

# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`values[0]` is that of the first day of the range; None is a gap. `means` are of seven days; `n` counts the values."""

    n: int
    values: list[float | None]
    means: list[float | None]


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """`mood` is the mean level of the moods logged, `habits` the share done of those that were due or done, `level` see `Insights`."""

    level: Line
    mental_state: Line
    mood: Line
    sleep_hours: Line
    valence: Line
    energy: Line
    words: Line
    habits: Line


class PillarWeek(msgspec.Struct, frozen=True, kw_only=True):
    """Scores by the id of the pillar."""

    week: str
    scores: dict[str, WeekMean]


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with better or harder days; `id` is that of a habit. `words` say it in one sentence."""

    kind: Literal["habit", "sleep"]
    id: str
    name: str
    association: Association
    words: str


class WeekdayEmotions(msgspec.Struct, frozen=True, kw_only=True):
    """Of the `n` such days with any emotion; hidden, and empty, under 8."""

    weekday: int
    n: int
    top: list[Share]


class Patterns(msgspec.Struct, frozen=True, kw_only=True):
    """What may go into a recap; see `timos.vault.patterns` for when something is hidden."""

    drivers: list[Driver]
    emotions: list[Share]
    emotions_by_weekday: list[WeekdayEmotions]
    givers_and_drainers: list[Balance]
    repeated_avoidances: list[Repeated]


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """The level of a day, 1 to 5, is the mean of the morning's mental state and of the mood logged, whichever there are.

    `pixels` are levels rounded. `pillar_weeks` are whole weeks, one before the range too, for comparison; `trends` are over the
    last 12 weeks. `unreadable` rows were left out.
    """

    first: date
    last: date
    lines: Lines
    pixels: list[int | None]
    weekdays: list[WeekdayMean]
    pillar_weeks: list[PillarWeek]
    trends: dict[str, Trend]
    patterns: Patterns
    unreadable: int


async def insights(vault: Reader, *, first: date, last: date) -> Insights:
    """Both ends are inclusive. In slices that let others through; opening the rows takes more than half of the time."""
    low, high = _read_range(first, last)
    readings = await read(vault, low, high)
    habits = await habits_of(readings, first, last)
    series = await _turn(series_of(readings)) | {"habits": await _turn(completion(habits))}
    levels = _within(series["level"], first, last)
    return Insights(
        first=first,
        last=last,
        lines=await _lines(series, first, last),
        pixels=[_pixel(levels.get(day)) for day in days_between(first, last)],
        weekdays=await _turn(by_weekday(levels)),
        pillar_weeks=await _turn(_pillar_weeks(readings.scores, first, last)),
        trends=await _turn(_trends(readings.scores, last)),
        patterns=await _patterns(readings, habits, levels, first, last),
        unreadable=readings.unreadable,
    )


async def _turn(value: T) -> T:
    """After each part of some milliseconds others have their turn."""
    await asyncio.sleep(0)
    return value


# ── days and weeks ───────────────────────────────────────────────────────────────────────────────────────────────────


def _read_range(first: date, last: date) -> tuple[date, date]:
    """From the Monday before the range's first week, or the first that a trend needs, to the Sunday of its last week."""
    low = min(_monday(first) - WEEK_DAYS, _monday(last) - WEEK_DAYS * (TREND_WEEKS - 1))
    return day_at(low), day_at(_monday(last) + WEEK_DAYS - 1)


def _monday(day: date) -> int:
    return day.toordinal() - day.weekday()


def _within(days: Mapping[date, T], first: date, last: date) -> dict[date, T]:
    """In their order."""
    return {day: days[day] for day in sorted(days) if first <= day <= last}


# ── series ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _lines(series: Mapping[str, Series], first: date, last: date) -> Lines:
    start = day_at(first.toordinal() - WEEK_DAYS + 1)  # the first means reach back
    days = list(days_between(start, last))  # the same for all: a date is hashed once
    skipped = (first - start).days
    return Lines(**{name: await _turn(_line(list(map(one.get, days)), skipped)) for name, one in series.items()})


def _line(values: list[float | None], skipped: int) -> Line:
    rounded = _Rounded()
    shown = [rounded[value] for value in values[skipped:]]
    means = [rounded[mean] for mean in mean_of_7(values)[skipped:]]
    return Line(n=len(shown) - shown.count(None), values=shown, means=means)


class _Rounded(dict[float | None, float | None]):
    """Three digits are more than a chart shows, and a third of the bytes. Most values come back, and rounding is slow."""

    def __missing__(self, value: float | None) -> float | None:
        found = self[value] = None if value is None else round(value, 3)
        return found


def _pixel(level: float | None) -> int | None:
    return None if level is None else math.floor(level + 0.5)


# ── pillars ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pillar_weeks(scores: Mapping[date, PillarScores], first: date, last: date) -> list[PillarWeek]:
    mondays = range(_monday(first) - WEEK_DAYS, _monday(last) + 1, WEEK_DAYS)
    return [_pillar_week(scores, monday) for monday in mondays]


def _pillar_week(scores: Mapping[date, PillarScores], monday: int) -> PillarWeek:
    days = {day: scores[day] for day in days_between(day_at(monday), day_at(monday + WEEK_DAYS - 1)) if day in scores}
    return PillarWeek(week=week_of(day_at(monday)), scores=weekly_scores(days))


def _trends(scores: Mapping[date, PillarScores], last: date) -> dict[str, Trend]:
    """By the id of the pillar; one scored in too few weeks has none."""
    weeks = _pillar_weeks(scores, day_at(_monday(last) - WEEK_DAYS * (TREND_WEEKS - 2)), last)
    pillars = sorted({pillar for week in weeks for pillar in week.scores})
    means = {pillar: [week.scores[pillar].mean if pillar in week.scores else None for week in weeks] for pillar in pillars}
    return {pillar: found for pillar, values in means.items() if (found := trend(values))}


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _patterns(readings: Readings, habits: list[HabitDays], levels: Series, first: date, last: date) -> Patterns:
    mornings = _within(readings.mornings, first, last)
    evenings = await _turn(_within(readings.evenings, first, last))
    emotions = await _turn({day: emotions_of(readings, day) for day in sorted(mornings.keys() | evenings.keys())})
    drivers = [*_sleep(mornings, levels)]
    for one in habits:
        drivers += await _turn([*_driver("habit", one.id, one.habit.name, goes_with(one.done, levels))])
    balances = await _turn(givers_and_drainers([(one.energy_givers, one.energy_drainers) for one in evenings.values()]))
    return Patterns(
        drivers=sorted(drivers, key=lambda one: (-one.association.difference, one.name)),
        emotions=await _turn(counts(emotions, most=MOST_WORDS)),
        emotions_by_weekday=await _turn(_weekday_emotions(emotions)),
        givers_and_drainers=balances,
        repeated_avoidances=await _turn(repeated({day: one.avoiding for day, one in mornings.items()})),
    )


def _sleep(mornings: Mapping[date, Morning], levels: Series) -> Iterator[Driver]:
    slept = {day: one.sleep_hours >= FULL_NIGHT_HOURS for day, one in mornings.items() if one.sleep_hours is not None}
    yield from _driver("sleep", "", f"{FULL_NIGHT_HOURS} hours of sleep or more", goes_with(slept, levels))


def _driver(kind: Literal["habit", "sleep"], id_: str, name: str, found: Association | None) -> Iterator[Driver]:
    if found is not None:
        yield Driver(kind=kind, id=id_, name=name, association=found, words=wording(name, found))


def _weekday_emotions(emotions: Mapping[date, list[str]]) -> list[WeekdayEmotions]:
    groups: list[dict[date, list[str]]] = [{} for _ in range(WEEK_DAYS)]
    for day, words in emotions.items():
        if words:
            groups[day.weekday()][day] = words
    return [
        WeekdayEmotions(weekday=weekday, n=len(words), top=counts(words, most=MOST_WORDS_OF_A_WEEKDAY))
        for weekday, words in enumerate(groups, 1)
    ]
