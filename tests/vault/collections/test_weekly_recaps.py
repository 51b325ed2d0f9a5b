"""Weeks over the year's end, and what a recap hands on."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timos.kernel.errors import InputError
from timos.vault.collections.weekly_recaps import (
    Correction,
    WeeklyRecap,
    carried,
    days_of,
    parse_week,
    previous_week,
    week_of,
)
from timos.vault.record import FIRST_DAY

WHOLE_WEEKS = st.dates(FIRST_DAY, date(9999, 12, 26))


def next_week(week: str) -> str:
    return week_of(days_of(week)[-1] + timedelta(days=1))


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2026, 11, 22), "2026-W47"),  # a Sunday
        (date(2026, 11, 23), "2026-W48"),
        (date(2020, 12, 31), "2020-W53"),
        (date(2021, 1, 3), "2020-W53"),
        (date(2021, 1, 4), "2021-W01"),
        (date(2024, 12, 30), "2025-W01"),
        (date(2023, 1, 1), "2022-W52"),
        (date(1000, 1, 1), "1000-W01"),
        (date(9999, 12, 31), "9999-W52"),
    ],
)
def test_the_week_of_a_day(day: date, week: str) -> None:
    assert week_of(day) == week
    assert day in days_of(week)


def test_a_week_runs_from_monday_to_sunday() -> None:
    assert days_of("2020-W53") == tuple(date(2020, 12, 28) + timedelta(days=at) for at in range(7))


def test_the_last_week_ends_with_the_calendar() -> None:
    assert [day.day for day in days_of("9999-W52")] == [27, 28, 29, 30, 31]
    assert next_week("9999-W51") == "9999-W52"


@pytest.mark.parametrize(
    ("week", "following"),
    [("2020-W52", "2020-W53"), ("2020-W53", "2021-W01"), ("2021-W52", "2022-W01"), ("2026-W47", "2026-W48"), ("2026-W53", "2027-W01")],
)
def test_weeks_follow_each_other_over_the_end_of_a_year(week: str, following: str) -> None:
    assert next_week(week) == following
    assert previous_week(following) == week


def test_before_the_first_week_there_is_none_that_can_be_asked_for() -> None:
    with pytest.raises(InputError):
        parse_week(previous_week("1000-W01"), path="$.week")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-W00",
        "2026-W54",
        "2021-W53",  # that year has 52
        "2026-w47",
        "2026W47",
        "2026-W7",
        "2026-W047",
        "2026-W47000000000000000000000",
        "2026-W47-1",
        "2026-W" + "9" * 5000,  # more digits than Python reads
        "2026-W47\n",
        " 2026-W47",
        "2026-47",
        "0999-W10",
        "0000-W01",
        "10000-W01",
        "9999-W52",  # not whole
        "-026-W47",
        "٢٠٢٦-W47",
        "2026-W٤٧",
        "2026-11-22",
    ],
)
def test_what_is_no_week_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_week(text, path="week")
    assert caught.value.path == "week"


@given(WHOLE_WEEKS)
@settings(max_examples=50)
def test_a_week_holds_its_days_and_reads_back(day: date) -> None:
    week = week_of(day)
    assert parse_week(week, path="week") == week
    assert {week_of(one) for one in days_of(week)} == {week}
    assert day in days_of(week)
    assert [one.isoweekday() for one in days_of(week)] == [1, 2, 3, 4, 5, 6, 7]


@given(WHOLE_WEEKS)
@settings(max_examples=50)
def test_no_day_lies_between_two_weeks_and_the_way_back_leads_back(day: date) -> None:
    week = week_of(day)
    assert previous_week(next_week(week)) == week
    assert week < next_week(week)
    assert days_of(next_week(week))[0] == days_of(week)[-1] + timedelta(days=1)


def test_what_is_not_done_is_carried_on_in_its_order() -> None:
    rest, phone, walk = Correction(text="Rest"), Correction(text="No phone in bed", done=True), Correction(text="Walk")
    assert carried(WeeklyRecap(week="2026-W46", corrections=(rest, phone, walk))) == (rest, walk)


def test_a_week_after_none_or_after_one_without_corrections_begins_free() -> None:
    assert carried(None) == ()
    assert carried(WeeklyRecap(week="2026-W46")) == ()
