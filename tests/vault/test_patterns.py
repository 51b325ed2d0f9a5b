"""Figures from days: by hand where a hand can reckon them, and what must hold for any days."""

import math
import re
import statistics
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timos.vault import patterns
from timos.vault.patterns import (
    Association,
    Balance,
    Repeated,
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

MONDAY = date(2026, 6, 1)
few = settings(max_examples=40)

DAYS = st.dates(date(2020, 1, 1), date(2020, 3, 31))
LEVELS = st.integers(1, 5).map(float)
SERIES = st.dictionaries(DAYS, LEVELS, max_size=60)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def days(*values: float | None) -> dict[date, float]:
    return {day(number): value for number, value in enumerate(values) if value is not None}


# ── the mean of seven days ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_mean_is_that_of_the_seven_days_that_end_with_the_day() -> None:
    assert mean_of_7([1, 2, 3, 4, 5, 6, 7, 8, 10])[5:] == [3.5, 4, 5, 43 / 7]


def test_a_day_without_a_value_is_a_gap_but_still_has_a_mean() -> None:
    assert mean_of_7([4, 4, None, 4, 4, None])[-1] == 4


def test_fewer_than_four_values_of_seven_have_no_mean() -> None:
    assert mean_of_7([2, 2, 2, 4, None, None, None, None]) == [None, None, None, 2.5, 2.5, 2.5, 2.5, None]


def test_no_days_have_no_means() -> None:
    assert mean_of_7([]) == []


@given(st.lists(st.none() | LEVELS, max_size=60))
@few
def test_every_day_has_its_place_and_no_mean_leaves_its_values(values: list[float | None]) -> None:
    found = mean_of_7(values)
    assert len(found) == len(values)
    for at, mean in enumerate(found):
        window = [value for value in values[max(0, at - 6) : at + 1] if value is not None]
        assert mean == (pytest.approx(statistics.fmean(window)) if len(window) >= 4 else None)


@given(st.lists(st.none() | LEVELS, min_size=7, max_size=40), st.lists(st.none() | LEVELS, max_size=9))
@few
def test_six_days_before_are_all_that_a_mean_knows(values: list[float | None], before: list[float | None]) -> None:
    assert mean_of_7(before + values)[len(before) + 6 :] == pytest.approx(mean_of_7(values)[6:])


# ── weekdays ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_weekday_has_a_mean_and_an_interval_from_eight_days_on() -> None:
    mondays = {day(7 * week): float(value) for week, value in enumerate((2, 4, 2, 4, 2, 4, 2, 4))}
    tuesdays = {day(7 * week + 1): 5.0 for week in range(7)}
    found = by_weekday(mondays | tuesdays)
    # s = sqrt(8/7), standard error s/sqrt(8) = 0.377964, t(7) = 2.364624
    assert (found[0].weekday, found[0].n, found[0].mean) == (1, 8, 3)
    assert (found[0].low, found[0].high) == pytest.approx((3 - 0.893741, 3 + 0.893741), abs=1e-4)
    assert found[1] == WeekdayMean(weekday=2, n=7)
    assert [one.weekday for one in found] == [1, 2, 3, 4, 5, 6, 7]


@given(SERIES)
@few
def test_weekdays_share_out_all_days_and_hide_few(series: dict[date, float]) -> None:
    found = by_weekday(series)
    assert sum(one.n for one in found) == len(series)
    for one in found:
        assert (one.mean is None) == (one.low is None) == (one.high is None) == (one.n < 8)
        if one.mean is not None and one.low is not None and one.high is not None:
            assert one.low <= one.mean <= one.high


# ── what goes together ───────────────────────────────────────────────────────────────────────────────────────────────

WITH = (3, 4, 5, 4, 4, 3, 5, 4, 4, 4)
WITHOUT = (2, 3, 3, 4, 2, 3, 1, 3)


def both(having: tuple[int, ...], lacking: tuple[int, ...]) -> tuple[dict[date, bool], dict[date, float]]:
    series = days(*having, *lacking)
    return {one: number < len(having) for number, one in enumerate(sorted(series))}, series


def test_the_difference_is_that_of_the_means_with_the_interval_of_welch() -> None:
    found = goes_with(*both(WITH, WITHOUT))
    # means 4 and 2.625; variances 4/9 and 47/56; squared errors 0.0444444 and 0.1049107; standard error 0.386465;
    # freedom 12.4494, between 12 (t = 2.178813) and 13 (2.160369): 2.170157
    assert found is not None
    assert (found.n_with, found.n_without, found.difference) == (10, 8, 1.375)
    assert (found.low, found.high) == pytest.approx((1.375 - 0.83869, 1.375 + 0.83869), abs=1e-4)


@pytest.mark.parametrize(("having", "lacking"), [(WITH[:7], WITHOUT), (WITH, WITHOUT[:7]), ((), ())])
def test_nothing_is_said_while_either_side_has_fewer_than_eight_days(having: tuple[int, ...], lacking: tuple[int, ...]) -> None:
    assert goes_with(*both(having, lacking)) is None


def test_days_that_only_one_of_them_knows_do_not_count() -> None:
    flags, series = both(WITH, WITHOUT)
    more = {**flags, day(100): True, day(101): False}
    assert goes_with(more, {**series, day(200): 5.0}) == goes_with(flags, series)


def test_days_that_never_vary_have_an_interval_without_width() -> None:
    assert goes_with(*both((4,) * 8, (3,) * 9)) == Association(n_with=8, n_without=9, difference=1, low=1, high=1)


@given(st.lists(LEVELS, min_size=8, max_size=30), st.lists(LEVELS, min_size=8, max_size=30), st.floats(-3, 3))
@few
def test_the_two_sides_mirror_each_other_and_a_shift_changes_nothing(having: list[float], lacking: list[float], shift: float) -> None:
    series = days(*having, *lacking)
    flags = {one: number < len(having) for number, one in enumerate(sorted(series))}
    found = goes_with(flags, series)
    mirrored = goes_with({one: not flag for one, flag in flags.items()}, series)
    shifted = goes_with(flags, {one: value + shift for one, value in series.items()})
    assert found is not None
    assert mirrored is not None
    assert shifted is not None
    assert found.low <= found.difference <= found.high
    assert (mirrored.difference, mirrored.low, mirrored.high) == pytest.approx((-found.difference, -found.high, -found.low))
    assert (shifted.difference, shifted.low, shifted.high) == pytest.approx((found.difference, found.low, found.high), abs=1e-6)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(7, 2.364624), (8, 2.306004), (10, 2.228139), (12.5, 2.169_1), (30, 2.042272), (1e6, 1.959966)]
)
def test_the_quantiles_are_those_of_the_tables(freedom: float, quantile: float) -> None:
    assert patterns._student(freedom) == pytest.approx(quantile, abs=2e-4)


def said(low: float, high: float) -> str:
    return wording("Running", Association(n_with=12, n_without=30, difference=(low + high) / 2, low=low, high=high))


def test_the_sentence_says_goes_with_and_the_figures_and_never_why() -> None:
    assert said(0.2, 1.0) == "Running goes with better days (+0.60, 95 % interval +0.20 to +1.00; 12 days with, 30 without)."
    assert "goes with harder days" in said(-1, -0.2)
    assert "neither better nor harder days so far" in said(-0.2, 0.4)
    assert "-0.00" not in said(-0.001, 0.5)
    for sentence in (said(0.2, 1), said(-1, -0.2), said(-1, 1)):
        assert "goes with" in sentence
        assert not re.search(r"caus|because|due to|leads|makes|improve|worsen", sentence)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_counted_once_a_day_whatever_their_case_and_the_most_frequent_come_first() -> None:
    words = {day(number): ["Calm", "calm", " CALM "] for number in range(6)}
    words |= {day(number): ["tired"] for number in range(6, 10)} | {day(10): [], day(11): [" "]}
    found = counts(words)
    assert [(one.text, one.count, one.n) for one in found] == [("CALM", 6, 10), ("tired", 4, 10)]
    # Wilson for 6 of 10: centre 0.5723, half width 0.2596
    assert (found[0].low, found[0].high) == pytest.approx((0.3127, 0.8318), abs=1e-4)
    assert counts(words, most=1) == found[:1]


def test_words_of_fewer_than_eight_days_are_hidden() -> None:
    assert counts({day(number): ["calm"] for number in range(7)}) == []
    [found] = counts({day(number): ["calm"] for number in range(8)})
    assert found == Share(text="calm", count=8, n=8, low=found.low, high=1)
    assert found.low == pytest.approx(8 / (8 + 3.841459), abs=1e-6)


def test_what_is_avoided_on_three_mornings_is_found_by_line_and_shown_as_last_written() -> None:
    texts = {
        day(0): "the  Tax letters\n",
        day(3): "The dentist\nThe tax letters",
        day(4): "",
        day(9): "THE TAX LETTERS",
        day(10): "The dentist",
    }
    assert repeated(texts) == [Repeated(text="THE TAX LETTERS", days=(day(0), day(3), day(9)))]
    assert [one.text for one in repeated(texts, at_least=2)] == ["The dentist", "THE TAX LETTERS"]


def test_a_line_twice_on_one_morning_is_one_morning() -> None:
    assert repeated({day(0): "a\nA\na", day(1): "a"}) == []


def test_givers_and_drainers_are_weighed_and_few_are_left_out() -> None:
    evenings = [(["running", "Tea"], ["mail"])] * 6 + [(["Running"], ["Mail"])] * 2 + [(["mail"], [])]
    found = givers_and_drainers(evenings)
    assert [(one.text, one.n, one.gave, one.drained) for one in found] == [("Running", 8, 8, 0), ("mail", 9, 1, 8)]
    assert (found[1].low, found[1].high) == pytest.approx((0.0199, 0.4350), abs=1e-4)


@given(st.lists(st.tuples(st.lists(st.sampled_from("abAB ")), st.lists(st.sampled_from("abAB "))), max_size=30))
@few
def test_a_balance_is_never_shown_under_eight_and_its_interval_holds_its_share(evenings: list[tuple[list[str], list[str]]]) -> None:
    found = givers_and_drainers(evenings)
    for one in found:
        assert isinstance(one, Balance)
        assert one.n == one.gave + one.drained >= 8
        assert 0 <= one.low <= one.gave / one.n + 1e-9
        assert one.gave / one.n - 1e-9 <= one.high <= 1
    assert [one.gave - one.drained for one in found] == sorted((one.gave - one.drained for one in found), reverse=True)


@given(st.dictionaries(DAYS, st.lists(st.sampled_from(["calm", "Calm", "tired", ""]), max_size=4), max_size=30))
@few
def test_counts_never_exceed_their_days(words: dict[date, list[str]]) -> None:
    for one in counts(words):
        assert 1 <= one.count <= one.n <= len(words)
        assert one.n >= 8
        assert math.isfinite(one.low)
        assert one.low <= one.count / one.n <= one.high + 1e-9
