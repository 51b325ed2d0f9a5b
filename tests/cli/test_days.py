from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from timos.cli.days import current_day, parse_day, parse_month

ZURICH = ZoneInfo("Europe/Zurich")


def test_a_night_belongs_to_the_day_before() -> None:
    assert current_day(datetime(2026, 11, 22, 1, 59, tzinfo=UTC), ZURICH, 3) == date(2026, 11, 21)
    assert current_day(datetime(2026, 11, 22, 2, 0, tzinfo=UTC), ZURICH, 3) == date(2026, 11, 22)


def test_a_day_is_that_of_the_writers_zone() -> None:
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert current_day(at, ZoneInfo("Asia/Tokyo"), 3) == date(2026, 11, 23)
    assert current_day(at, ZoneInfo("America/Los_Angeles"), 3) == date(2026, 11, 22)


def test_a_change_of_clocks_moves_no_day() -> None:
    assert current_day(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), ZURICH, 3) == date(2026, 3, 28)  # 01:59, then the clock says 03:00
    assert current_day(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), ZURICH, 3) == date(2026, 3, 29)


@given(st.dates())
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize("text", ["", "2026-1-1", "20261122", "2026-W47-7", "2026-02-30", "22.11.2026", "tomorrow", "../etc"])
def test_another_way_to_write_a_day_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_day(text)


def test_a_month_runs_from_its_first_to_its_last_day() -> None:
    assert parse_month("2028-02") == (date(2028, 2, 1), date(2028, 2, 29))


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-1", "2026-11-", "11-2026"])
def test_another_way_to_write_a_month_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_month(text)
