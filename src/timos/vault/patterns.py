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
from itertools import accumulate, chain
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


def mean_of_7(values: Sequence[float | None]) -> list[float | None]:
    """Of days that follow each other: for each the mean of the seven that end with it, a gap under four values."""
    # running totals: a window is the difference of two, however long the range
    sums = list(accumulate([value or 0.0 for value in values], initial=0.0))
    known = list(accumulate([value is not None for value in values], initial=0))
    outside = [0] * (WEEK_DAYS - 1)  # before the first seven there is nothing to take away
    windows = zip(sums[1:], known[1:], outside + sums[:-1], outside + known[:-1], strict=False)
    return [(total - before) / n if (n := count - gone) >= ENOUGH_OF_A_WEEK else None for total, count, before, gone in windows]


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
    having = [series[day] for day, flag in flags.items() if flag and day in series]
    lacking = [series[day] for day, flag in flags.items() if not flag and day in series]
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
    return mean, math.fsum([(value - mean) ** 2 for value in values]) / (n - 1) / n


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


def counts(words: Mapping[date, Sequence[str]], *, most: int = 10) -> list[Share]:
    """The words of the most days, each counted once a day, among the days that have any; nothing under 8 such days."""
    folds = _Folds()
    lists = [words[day] for day in sorted(words)]
    of_days = [of_day for texts in lists if (of_day := folds.of(texts))]
    if len(of_days) < ENOUGH:
        return []
    days = Counter(chain.from_iterable(of_days))
    top = sorted(days.items(), key=lambda one: (-one[1], one[0]))[:most]
    return [_share(folds.spelling(text, lists), count, len(of_days)) for text, count in top]


def repeated(texts: Mapping[date, str], *, at_least: int = 3) -> list[Repeated]:
    """Lines that came back on so many days, the latest first. This tells what was written and estimates nothing: it has no n."""
    folds = _Folds()
    lists = {day: texts[day].splitlines() for day in sorted(texts)}
    days: dict[str, list[date]] = {}
    for day, lines in lists.items():
        for folded in folds.of(lines):
            days.setdefault(folded, []).append(day)
    often = [
        Repeated(text=folds.spelling(folded, [lists[day] for day in on]), days=tuple(on))
        for folded, on in days.items()
        if len(on) >= at_least
    ]
    return sorted(often, key=lambda one: (one.days[-1], len(one.days), one.text), reverse=True)


def givers_and_drainers(evenings: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Balance]:
    """From what gave energy and what drained it, evening by evening, oldest first; what was named fewer than 8 times is left out.

    The best giver first, the worst drainer last.
    """
    folds = _Folds()
    gave, drained = (Counter(chain.from_iterable([folds.of(lists[side]) for lists in evenings])) for side in (0, 1))
    often = [folded for folded in gave.keys() | drained.keys() if gave[folded] + drained[folded] >= ENOUGH]
    lists = list(chain.from_iterable(evenings))
    found = [_balance(folds.spelling(folded, lists), gave[folded], drained[folded]) for folded in often]
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


class _Folds(dict[str, str]):
    """Texts by what counts as the same: case, width and white space do not matter. Most come back, and are folded once.

    Made for one call: what somebody wrote is not kept beyond it.
    """

    def __init__(self) -> None:
        self._spelt: dict[str, list[str]] = {}

    def __missing__(self, text: str) -> str:
        folded = self[text] = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        self._spelt.setdefault(folded, []).append(text)
        return folded

    def of(self, texts: Iterable[str]) -> set[str]:
        """Each once; blank ones are none."""
        found = set(map(self.__getitem__, texts))
        found.discard("")
        return found

    def spelling(self, folded: str, lists: Sequence[Sequence[str]]) -> str:
        """As it was written last in these lists, all of which went through `of`."""
        spelt = self._spelt[folded]
        if len(spelt) > 1:  # looked for only where it matters
            spelt = [next(text for texts in reversed(lists) for text in reversed(texts) if self[text] == folded)]
        return " ".join(spelt[0].split())
