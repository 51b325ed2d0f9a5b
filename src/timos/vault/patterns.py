"""What a plain series of days shows: means, spreads, and what goes together.

Invariants:
- Every figure carries its n, and there is none below `ENOUGH` of them: a handful of days shows nothing.
- A difference is said with its interval, and never as a cause.
- An interval treats days as independent. Days that follow each other are alike, so the true one is somewhat wider.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Final

import msgspec

ENOUGH: Final = 8  # values below which nothing is shown
WEEK_DAYS: Final = 7
ENOUGH_OF_A_WEEK: Final = 4  # more than half of the days that a weekly mean stands for
Z: Final = 1.959963984540054  # 97.5 % of the normal distribution lie below

Series = Mapping[date, float]


class WeekdayMean(msgspec.Struct, frozen=True, kw_only=True):
    """`weekday` is ISO 8601, Monday 1; mean and 95 % interval are None under 8 days."""

    weekday: int
    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class Association(msgspec.Struct, frozen=True, kw_only=True):
    """Mean of the days with, less mean of the days without, and its 95 % interval."""

    n_with: int
    n_without: int
    difference: float
    low: float
    high: float


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """On `count` of `n` days; the 95 % interval is that of the share count / n."""

    text: str
    count: int
    n: int
    low: float
    high: float


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """The same words on several days, first day first, spelt as on the last of them."""

    text: str
    days: tuple[date, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """How often something gave energy and how often it drained; the 95 % interval is that of gave / n."""

    text: str
    n: int
    gave: int
    drained: int
    low: float
    high: float


# ── series ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def mean_of_7(series: Series, first: date, last: date) -> list[tuple[date, float | None, float | None]]:
    """Each day with its value and the mean of the seven days that end with it, a gap under four values.

    Days of the series before `first` count for the first means.
    """
    start = max(1, first.toordinal() - WEEK_DAYS + 1)
    days = [date.fromordinal(ordinal) for ordinal in range(start, last.toordinal() + 1)]
    values = [series.get(day) for day in days]
    # running totals: a window is the difference of two, however long the range
    sums = list(accumulate((0.0 if value is None else value for value in values), initial=0.0))
    known = list(accumulate((value is not None for value in values), initial=0))
    found: list[tuple[date, float | None, float | None]] = []
    for at in range(first.toordinal() - start, len(days)):
        before = max(0, at - WEEK_DAYS + 1)
        n = known[at + 1] - known[before]
        found.append((days[at], values[at], (sums[at + 1] - sums[before]) / n if n >= ENOUGH_OF_A_WEEK else None))
    return found


def by_weekday(series: Series) -> list[WeekdayMean]:
    """Monday to Sunday, always all seven."""
    groups: list[list[float]] = [[] for _ in range(WEEK_DAYS)]
    for day, value in series.items():
        groups[day.weekday()].append(value)
    return [_weekday_mean(weekday, values) for weekday, values in enumerate(groups, 1)]


def _weekday_mean(weekday: int, values: Sequence[float]) -> WeekdayMean:
    n = len(values)
    if n < ENOUGH:
        return WeekdayMean(weekday=weekday, n=n)
    mean, error = _mean_and_error(values)
    margin = _student(n - 1) * math.sqrt(error)
    return WeekdayMean(weekday=weekday, n=n, mean=mean, low=mean - margin, high=mean + margin)


def goes_with(flags: Mapping[date, bool], series: Series) -> Association | None:
    """Days with the flag against days without, among those that the series knows (Welch's unequal variances).

    None while either side has fewer than 8 days.
    """
    having = [value for day, value in series.items() if flags.get(day) is True]
    lacking = [value for day, value in series.items() if flags.get(day) is False]
    if len(having) < ENOUGH or len(lacking) < ENOUGH:
        return None
    (mean, error), (other_mean, other_error) = _mean_and_error(having), _mean_and_error(lacking)
    difference = mean - other_mean
    both = error + other_error
    margin = 0.0
    if both > 0:  # otherwise nothing varies on either side
        freedom = both**2 / (error**2 / (len(having) - 1) + other_error**2 / (len(lacking) - 1))
        margin = _student(freedom) * math.sqrt(both)
    return Association(n_with=len(having), n_without=len(lacking), difference=difference, low=difference - margin, high=difference + margin)


def wording(subject: str, found: Association) -> str:
    """One sentence for people; what may be chance is said to be."""
    days = f"{found.n_with} days with, {found.n_without} without"
    figures = f"({found.difference:+z.2f}, 95 % interval {found.low:+z.2f} to {found.high:+z.2f}; {days})"
    if found.low > 0:
        return f"{subject} goes with better days {figures}."
    if found.high < 0:
        return f"{subject} goes with harder days {figures}."
    return f"{subject} goes with neither better nor harder days so far {figures}."


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and the square of its standard error."""
    n = len(values)
    mean = math.fsum(values) / n
    return mean, math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n


def _student(freedom: float) -> float:
    """97.5 % quantile of Student's t: Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5), within 0.0001 from 7 degrees on."""
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum(term / freedom**power for power, term in enumerate(terms, 1))


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def counts(words: Mapping[date, Iterable[str]], *, most: int = 10) -> list[Share]:
    """The words of the most days, each counted once a day, among the days that have any; nothing under 8 such days."""
    folds, spelling = _Folds(), dict[str, str]()
    days: Counter[str] = Counter()
    n = 0
    for _, texts in sorted(words.items()):
        of_day = folds.of(texts)
        spelling |= of_day
        days.update(of_day.keys())
        n += bool(of_day)
    if n < ENOUGH:
        return []
    top = sorted(days.items(), key=lambda one: (-one[1], one[0]))[:most]
    return [_share(spelling[text], count, n) for text, count in top]


def repeated(texts: Mapping[date, str], *, at_least: int = 3) -> list[Repeated]:
    """Lines that came back on so many days, the latest first. This tells what was written and estimates nothing: it has no n."""
    folds, spelling = _Folds(), dict[str, str]()
    days: dict[str, list[date]] = {}
    for day, text in sorted(texts.items()):
        of_day = folds.of(text.splitlines())
        spelling |= of_day
        for folded in of_day:
            days.setdefault(folded, []).append(day)
    often = [Repeated(text=spelling[folded], days=tuple(on)) for folded, on in days.items() if len(on) >= at_least]
    return sorted(often, key=lambda one: (one.days[-1], len(one.days), one.text), reverse=True)


def givers_and_drainers(evenings: Iterable[tuple[Iterable[str], Iterable[str]]]) -> list[Balance]:
    """From what gave energy and what drained it, evening by evening, oldest first; what was named fewer than 8 times is left out.

    The best giver first, the worst drainer last.
    """
    folds, spelling = _Folds(), dict[str, str]()
    tallies: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for lists in evenings:
        for tally, texts in zip(tallies, lists, strict=True):
            of_evening = folds.of(texts)
            spelling |= of_evening
            tally.update(of_evening.keys())
    gave, drained = tallies
    found = [_balance(text, gave[folded], drained[folded]) for folded, text in spelling.items() if gave[folded] + drained[folded] >= ENOUGH]
    return sorted(found, key=lambda one: (one.drained - one.gave, one.text))


def _share(text: str, count: int, n: int) -> Share:
    low, high = _share_interval(count, n)
    return Share(text=text, count=count, n=n, low=low, high=high)


def _balance(text: str, gave: int, drained: int) -> Balance:
    n = gave + drained
    low, high = _share_interval(gave, n)
    return Balance(text=text, n=n, gave=gave, drained=drained, low=low, high=high)


def _share_interval(count: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval: stays within 0 and 1, and holds for few days."""
    share = count / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    margin = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(0.0, centre - margin), min(1.0, centre + margin)


class _Folds(dict[str, tuple[str, str]]):
    """Texts by what counts as the same: case, width and white space do not matter. Most come back, and are folded once.

    Made for one call: what somebody wrote is not kept beyond it.
    """

    def __missing__(self, text: str) -> tuple[str, str]:
        self[text] = " ".join(unicodedata.normalize("NFKC", text).casefold().split()), " ".join(text.split())
        return self[text]

    def of(self, texts: Iterable[str]) -> dict[str, str]:
        """Spellings by folded text, the last one wins; blank ones are none."""
        return {folded: spelt for folded, spelt in (self[text] for text in texts) if folded}
