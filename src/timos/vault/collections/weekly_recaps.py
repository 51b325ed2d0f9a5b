"""The weekly recap: look back, score, see patterns, and correct the course of the next week."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from timos.kernel.errors import InputError
from timos.vault.record import KIB, Collection, Reference, WeekDocument

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Lines = Annotated[tuple[Line, ...], msgspec.Meta(max_length=50)]


class Correction(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What to do otherwise next week; shown there until it is done or the week is over."""

    text: Line
    done: bool = False


class WeekScore(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A pillar's week as it stood when the recap was written: mean of the days scored, and how many they were."""

    mean: Annotated[float, msgspec.Meta(ge=1, le=10)]
    days: Annotated[int, msgspec.Meta(ge=1, le=7)]


class WeeklyRecap(WeekDocument, frozen=True, kw_only=True):
    """`week` is an ISO week, 2026-W47; `completed_at` closes it."""

    highlights: Lines = ()
    pillar_scores: Annotated[dict[Id, WeekScore], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=dict)
    patterns: Lines = ()
    corrections: Annotated[tuple[Correction, ...], msgspec.Meta(max_length=50)] = ()
    reflection: Annotated[str, msgspec.Meta(max_length=32 * KIB)] = ""
    completed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def texts(self) -> Iterator[str]:
        yield from self.highlights
        yield from self.patterns
        for correction in self.corrections:
            yield correction.text
        yield self.reflection

    def references(self) -> Iterator[Reference]:
        for pillar in self.pillar_scores:
            yield Reference(f"$.pillar_scores.{pillar}", "pillars", pillar)


COLLECTION = Collection(name="weekly_recaps", path="/api/weekly", label="Weekly recaps", key=("week",), kinds={"": WeeklyRecap})

# ── weeks, as ISO 8601 counts them: from Monday, and of the year in which their Thursday lies ────────────────────────

_FIRST, _LAST = "1000-W01", "9999-W51"  # the last whole one: the calendar ends on the Friday of the next


def week_of(day: date) -> str:
    """The week in which a day lies; at the turn of a year it may be one of the other year."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def days_of(week: str) -> tuple[date, ...]:
    """The seven days of a week that exists, from Monday; those of 9999-W52 end with the calendar."""
    monday = _monday(week).toordinal()
    return tuple(date.fromordinal(day) for day in range(monday, min(monday + 7, date.max.toordinal() + 1)))


def previous_week(week: str) -> str:
    """The week whose recap is carried over. Of 1000-W01 it is one that `parse_week` refuses, and so has none."""
    return week_of(_monday(week) - timedelta(days=7))


def parse_week(text: str, *, path: str) -> str:
    """An address: 1000-W01 to 9999-W51, written exactly so.

    Raises:
        InputError: names `path`; also for a week 53 in a year that has 52.
    """
    try:
        exists = week_of(_monday(text)) == text  # so only what we would write ourselves
    except ValueError:
        exists = False
    if not exists or not _FIRST <= text <= _LAST:
        message = "A week is written YYYY-Www, such as 2026-W47, and must exist in the calendar."
        raise InputError(message, path=path)
    return text


def carried(previous: WeeklyRecap | None) -> tuple[Correction, ...]:
    """What the week after a recap still has to do."""
    return () if previous is None else tuple(correction for correction in previous.corrections if not correction.done)


def _monday(week: str) -> date:
    return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
