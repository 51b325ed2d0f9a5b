"""A week's mean says of how many days it is, and a trend needs enough weeks."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timos.vault.collections.pillar_scores import PillarScores, Score, Trend, WeekMean, trend, weekly_scores

MONDAY = date(2026, 11, 16)


def scored(**values: int) -> PillarScores:
    return PillarScores(scores={pillar: Score(value=value) for pillar, value in values.items()})


def test_a_week_is_the_mean_of_the_days_scored() -> None:
    days = {
        MONDAY: scored(health=7, work=3),
        MONDAY + timedelta(days=2): scored(health=8),
        MONDAY + timedelta(days=6): scored(health=4, work=6),
        MONDAY + timedelta(days=4): scored(),
    }
    assert weekly_scores(days) == {"health": WeekMean(mean=19 / 3, days=3), "work": WeekMean(mean=4.5, days=2)}


def test_a_week_without_scores_has_none() -> None:
    assert weekly_scores({}) == {}


@given(st.lists(st.integers(1, 10), min_size=1, max_size=7))
@settings(max_examples=25)
def test_a_mean_lies_on_the_scale_and_between_its_days(values: list[int]) -> None:
    days = {MONDAY + timedelta(days=at): scored(health=value) for at, value in enumerate(values)}
    found = weekly_scores(days)["health"]
    assert 1 <= min(values) <= found.mean <= max(values) <= 10
    assert found.days == len(values)


@pytest.mark.parametrize("weeks", [[], [5.0, 6.0, 7.0], [5.0, None, None, 6.0, None, 7.0], [None] * 12])
def test_under_four_weeks_there_is_no_trend(weeks: list[float | None]) -> None:
    assert trend(weeks) is None


def test_a_trend_worked_out_by_hand() -> None:
    # weeks 0 1 3 4 (mean 2), scores 4 6 5 9 (mean 6): ((-2)(-2) + (-1)(0) + (1)(-1) + (2)(3)) ÷ (4 + 1 + 1 + 4) = 9 ÷ 10
    found = trend([4.0, 6.0, None, 5.0, 9.0])
    assert found is not None
    assert found.slope_per_week == pytest.approx(0.9)
    assert found.n == 4


def test_a_trend_looks_at_twelve_weeks() -> None:
    assert trend([9.0, 1.0, 10.0, *[5.0] * 12]) == Trend(slope_per_week=0.0, n=12)
    assert trend([9.0, 1.0, 10.0, *[None] * 9, 5.0, 5.0, 5.0]) is None


@given(
    start=st.floats(1, 10),
    slope=st.floats(-0.5, 0.5),
    gaps=st.sets(st.integers(0, 11), max_size=8),
)
@settings(max_examples=25)
def test_weeks_on_a_line_have_its_slope_whatever_is_missing(start: float, slope: float, gaps: set[int]) -> None:
    found = trend([None if at in gaps else start + slope * at for at in range(12)])
    assert found is not None
    assert found.slope_per_week == pytest.approx(slope, abs=1e-9)
    assert found.n == 12 - len(gaps)
