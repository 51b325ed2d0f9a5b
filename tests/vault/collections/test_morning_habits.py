"""Streaks forgive what they promise to forgive, and nothing that is added ever makes one shorter."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timos.kernel.errors import InputError
from timos.vault.collections.morning_habits import (
    EveryDay,
    Habit,
    Mark,
    Outcome,
    Pause,
    Schedule,
    Streak,
    TimesPerWeek,
    Weekdays,
    is_due,
    outcome,
    streak,
)

DAY = timedelta(days=1)
DONE, SKIPPED = Mark(), Mark(is_skipped=True)
MONDAY = date(2026, 11, 2)


def habit(schedule: Schedule | None = None, *pauses: Pause, target: float = 1) -> Habit:
    return Habit(name="Run", schedule=schedule or EveryDay(), pauses=pauses, target=target)


def from_line(first: date, line: str) -> dict[date, Mark]:
    """A day a letter: x done, s skipped, l done but ticked too late, a dot nothing. Spaces are for the eye."""
    marks = {"x": DONE, "s": SKIPPED}
    days = [(first + at * DAY, letter) for at, letter in enumerate(line.replace(" ", ""))]
    late = {day: Mark(at=day + 3 * DAY) for day, letter in days if letter == "l"}
    return late | {day: marks[letter] for day, letter in days if letter in marks}


def told(line: str, *, of: Habit | None = None, first: date = MONDAY, grace: int = 2) -> tuple[int, int]:
    """`current` and `best` on the last day of the line."""
    today = first + (len(line.replace(" ", "")) - 1) * DAY
    found = streak(of or habit(), from_line(first, line), first=first, today=today, grace_per_month=grace)
    return found.current, found.best


# ── a day ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_scheduled_days_from_the_first_on_are_due() -> None:
    weekdays = habit(Weekdays((1, 3, 7)))
    week = [MONDAY + at * DAY for at in range(7)]
    assert [is_due(weekdays, day, first=MONDAY) for day in week] == [True, False, True, False, False, False, True]
    assert [is_due(weekdays, day, first=MONDAY + DAY) for day in week] == [False, False, True, False, False, False, True]


def test_both_ends_of_a_pause_are_paused_and_an_open_end_lasts() -> None:
    paused = habit(None, Pause(first=MONDAY + DAY, last=MONDAY + 2 * DAY), Pause(first=MONDAY + 5 * DAY))
    due = [is_due(paused, MONDAY + at * DAY, first=MONDAY) for at in (0, 1, 2, 3, 4, 5, 400)]
    assert due == [True, False, False, True, True, False, False]


def test_a_pause_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        habit(None, Pause(first=MONDAY), Pause(first=MONDAY, last=MONDAY - DAY)).check()
    assert caught.value.path == "$.pauses[1].to"


@pytest.mark.parametrize(
    ("schedule", "mark", "day", "expected"),
    [
        (EveryDay(), DONE, MONDAY, Outcome.DONE),
        (EveryDay(), Mark(at=MONDAY + 9 * DAY), MONDAY, Outcome.DONE),
        (EveryDay(), Mark(value=0.5), MONDAY, Outcome.MISSED),
        (EveryDay(), SKIPPED, MONDAY, Outcome.SKIPPED),
        (EveryDay(), None, MONDAY, Outcome.MISSED),
        (EveryDay(), None, MONDAY - DAY, Outcome.NOT_DUE),
        (EveryDay(), DONE, MONDAY - DAY, Outcome.DONE),
        (EveryDay(), None, MONDAY + 4 * DAY, Outcome.PAUSED),
        (EveryDay(), SKIPPED, MONDAY + 4 * DAY, Outcome.PAUSED),
        (EveryDay(), DONE, MONDAY + 4 * DAY, Outcome.DONE),
        (EveryDay(), None, MONDAY + 7 * DAY, Outcome.OPEN),
        (EveryDay(), Mark(value=0.5), MONDAY + 7 * DAY, Outcome.OPEN),
        (EveryDay(), None, MONDAY + 8 * DAY, Outcome.OPEN),
        (Weekdays((2,)), None, MONDAY, Outcome.NOT_DUE),
        (Weekdays((2,)), SKIPPED, MONDAY, Outcome.NOT_DUE),
        (Weekdays((2,)), DONE, MONDAY, Outcome.DONE),
        (TimesPerWeek(3), None, MONDAY, Outcome.NOT_DUE),
        (TimesPerWeek(3), SKIPPED, MONDAY, Outcome.SKIPPED),
        (TimesPerWeek(3), None, MONDAY + 7 * DAY, Outcome.OPEN),
    ],
)
def test_the_outcome_of_a_day(schedule: Schedule, mark: Mark | None, day: date, expected: Outcome) -> None:
    paused = habit(schedule, Pause(first=MONDAY + 4 * DAY, last=MONDAY + 4 * DAY))
    assert outcome(paused, mark, day, first=MONDAY, today=MONDAY + 7 * DAY) is expected


def test_a_day_counts_from_its_target_on() -> None:
    water = habit(target=8)
    assert outcome(water, Mark(value=8), MONDAY, first=MONDAY, today=MONDAY) is Outcome.DONE
    assert outcome(water, Mark(value=7.9), MONDAY, first=MONDAY, today=MONDAY) is Outcome.OPEN
    assert outcome(water, Mark(value=9, is_skipped=True), MONDAY, first=MONDAY, today=MONDAY) is Outcome.SKIPPED


def test_outcomes_are_written_as_the_api_names_them() -> None:
    assert msgspec.json.encode(list(Outcome)) == b'["done","skipped","missed","not_due","paused","open"]'


# ── streaks by days ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".", (0, 0)),
        ("x", (1, 1)),
        ("xxx.", (3, 3)),  # today is not over
        ("xx..x", (3, 3)),  # the two days of grace
        ("xxx...", (3, 3)),  # and today
        ("xxx....", (0, 3)),  # a third one in a row
        ("xxx....xx", (2, 3)),
        ("xxxx.xxx.xx.x", (6, 9)),  # the third miss: what follows the first stays
        (".......x.x.x", (3, 3)),  # an absence does not use up the grace of the streak after it
        ("xssx", (2, 2)),
        ("xx.s.s.", (2, 2)),  # skipped days do not part what is missed, nor add to it
        ("xx.s.s.s", (0, 2)),
        ("xx.s.s.sx", (1, 2)),
    ],
)
def test_a_streak_forgives_two_days_of_a_month(line: str, expected: tuple[int, int]) -> None:
    assert told(line) == expected


def test_each_month_has_its_own_grace() -> None:
    # 28 November to 5 December: two missed at the end of one month, two at the beginning of the next
    assert told("x x . . . x x x", first=date(2026, 11, 27)) == (5, 5)
    assert told("x x . . . . x x", first=date(2026, 11, 27)) == (4, 4)
    assert told("x x . . . . . x", first=date(2026, 11, 27)) == (1, 2)


def test_the_same_month_of_another_year_is_another_month() -> None:
    away = habit(None, Pause(first=date(2025, 11, 6), last=date(2026, 11, 1)))
    ticks = from_line(date(2025, 11, 2), "xx..") | from_line(MONDAY, "..xx")
    found = streak(away, ticks, first=date(2025, 11, 2), today=MONDAY + 3 * DAY)
    assert (found.current, found.best) == (4, 4)


def test_the_plain_style_knows_no_grace() -> None:
    assert told("xxx.xx.", grace=0) == (2, 3)
    assert told("xxx.xx..", grace=0) == (0, 3)
    assert told("xsx.", grace=0) == (2, 2)


def test_days_that_are_not_due_neither_count_nor_break() -> None:
    monday_wednesday_friday = habit(Weekdays((1, 3, 5)))
    assert told("x.x.x.. x.x.x.. x", of=monday_wednesday_friday, grace=0) == (7, 7)
    assert told("x.x.x.. ..x.x.. x", of=monday_wednesday_friday, grace=0) == (3, 3)
    assert told("x.x.xx. x", of=monday_wednesday_friday, grace=0) == (5, 5)  # what was done on a Saturday counts


def test_paused_days_neither_count_nor_break() -> None:
    away = habit(None, Pause(first=MONDAY + 2 * DAY, last=MONDAY + 6 * DAY))
    assert told("xx..... x.", of=away, grace=0) == (3, 3)
    assert told("xx...x. x.", of=away, grace=0) == (4, 4)  # done though paused
    assert told("xx......x", of=away, grace=0) == (1, 2)


@pytest.mark.parametrize(("later", "expected"), [(0, 5), (1, 5), (2, 5), (3, 2), (400, 2)])
def test_a_day_can_be_filled_in_until_two_days_after(later: int, expected: int) -> None:
    ticks = from_line(MONDAY, "xx.xx.")
    ticks[MONDAY + 2 * DAY] = Mark(at=MONDAY + (2 + later) * DAY)
    found = streak(habit(), ticks, first=MONDAY, today=MONDAY + 5 * DAY, grace_per_month=0)
    assert (found.current, found.done, found.due) == (expected, 5, 5)  # the history takes it in any case


def test_a_day_skipped_too_late_repairs_no_streak_but_is_not_held_against_it() -> None:
    ticks = from_line(MONDAY, "xx.xx.")
    ticks[MONDAY + 2 * DAY] = Mark(is_skipped=True, at=MONDAY + 5 * DAY)
    found = streak(habit(), ticks, first=MONDAY, today=MONDAY + 5 * DAY, grace_per_month=0)
    assert found == Streak(current=2, best=2, done=4, due=4)


def test_a_tick_from_a_day_before_is_in_time() -> None:
    ticks = {MONDAY: Mark(at=MONDAY - DAY)}  # ticked, then travelled west
    assert streak(habit(), ticks, first=MONDAY, today=MONDAY).current == 1


def test_a_day_ticked_too_late_has_the_grace_of_a_missed_one() -> None:
    assert told("xxllx") == (3, 3)
    assert told("xxlllx") == (1, 2)


def test_26_of_30() -> None:
    line = "....." + "x" * 10 + "." * 4 + "x" * 16
    first = date(2026, 10, 1)
    found = streak(habit(), from_line(first, line), first=first, today=first + 34 * DAY)
    assert found == Streak(current=16, best=16, done=26, due=30)


def test_skipped_paused_and_open_days_are_none_of_the_30() -> None:
    away = habit(None, Pause(first=MONDAY + 1 * DAY, last=MONDAY + 2 * DAY))
    found = streak(away, from_line(MONDAY, "x..sx.x."), first=MONDAY, today=MONDAY + 7 * DAY)
    assert (found.done, found.due) == (3, 4)


def test_what_lies_before_the_first_day_or_after_today_is_not_looked_at() -> None:
    ticks = from_line(MONDAY, "xxxxx")
    found = streak(habit(), ticks, first=MONDAY + DAY, today=MONDAY + 2 * DAY)
    assert found == Streak(current=2, best=2, done=2, due=2)


def test_a_habit_that_begins_tomorrow_has_no_streak() -> None:
    for schedule in (EveryDay(), TimesPerWeek(2)):
        found = streak(habit(schedule), {MONDAY: DONE}, first=MONDAY + DAY, today=MONDAY)
        assert found == Streak(current=0, best=0, done=0, due=0)


def test_a_leap_day_is_a_day() -> None:
    assert told("xxx", first=date(2024, 2, 28), grace=0) == (3, 3)
    assert told("x.x", first=date(2024, 2, 28), grace=0) == (1, 1)


# ── streaks by weeks ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("xx.x... .x.x.x. ", (2, 2)),
        ("xx.x... .x.x.x. .", (2, 2)),  # the running week breaks nothing
        ("xx.x... .x.x.x. xxx", (3, 3)),  # and counts once it has enough
        ("xx.x... .x.x... xxx....", (1, 1)),  # there is no grace beside the schedule
        ("xx.x... xxxxxxx x......", (2, 2)),
        ("xx.x... xxxxxxx x...... x", (0, 2)),
        ("xx.x... xxl.... x", (0, 1)),
    ],
)
def test_a_week_counts_with_enough_days(line: str, expected: tuple[int, int]) -> None:
    assert told(line, of=habit(TimesPerWeek(3))) == expected


# by hand: times × (7 − free) ÷ 7 to the nearest; a row is `times`, a column the number of free days from 0 to 7
NEEDED = [
    (1, (1, 1, 1, 1, 0, 0, 0, 0)),  # 1, .86, .71, .57, .43 …
    (2, (2, 2, 1, 1, 1, 1, 0, 0)),  # 2, 1.71, 1.43, 1.14, .86, .57, .29
    (3, (3, 3, 2, 2, 1, 1, 0, 0)),  # 3, 2.57, 2.14, 1.71, 1.29, .86, .43
    (5, (5, 4, 4, 3, 2, 1, 1, 0)),  # 5, 4.29, 3.57, 2.86, 2.14, 1.43, .71
    (7, (7, 6, 5, 4, 3, 2, 1, 0)),
]


@pytest.mark.parametrize(("times", "free", "needed"), [(times, free, row[free]) for times, row in NEEDED for free in range(8)])
@pytest.mark.parametrize("how", ["skipped", "paused", "before the first"])
def test_a_week_needs_less_when_days_of_it_are_free(times: int, free: int, needed: int, how: str) -> None:
    pauses = (Pause(first=MONDAY, last=MONDAY + (free - 1) * DAY),) if how == "paused" and free else ()
    first = MONDAY + free * DAY if how == "before the first" else MONDAY
    skipped = from_line(MONDAY, "s" * free) if how == "skipped" else {}
    regular, today = habit(TimesPerWeek(times), *pauses), MONDAY + 7 * DAY
    enough = skipped | from_line(MONDAY + (7 - needed) * DAY, "x" * needed)
    found = streak(regular, enough, first=first, today=today)
    assert (found.current, found.done, found.due) == (int(needed > 0), needed, needed)
    if needed:
        one_less = skipped | from_line(MONDAY + (8 - needed) * DAY, "x" * (needed - 1))
        found = streak(regular, one_less, first=first, today=today)
        assert (found.current, found.done, found.due) == (0, needed - 1, needed)


def test_a_week_wholly_paused_neither_counts_nor_breaks() -> None:
    away = habit(TimesPerWeek(2), Pause(first=MONDAY + 7 * DAY, last=MONDAY + 13 * DAY))
    assert told("xx..... ....... xx.....", of=away) == (2, 2)
    assert told("xx..... ..x.... xx.....", of=away) == (3, 3)


def test_a_pause_in_the_days_to_come_lessens_the_running_week() -> None:
    away = habit(TimesPerWeek(4), Pause(first=MONDAY + 2 * DAY))
    assert told("x", of=away) == (1, 1)  # 4 × 2 ÷ 7 = 1.14


def test_weeks_run_over_the_end_of_a_year() -> None:
    # 2020 has a week 53, whose Friday is in 2021
    assert told("x...... x...... x......", of=habit(TimesPerWeek(1)), first=date(2020, 12, 21)) == (3, 3)
    assert told("...x... ....x.. x......", of=habit(TimesPerWeek(1)), first=date(2020, 12, 21)) == (3, 3)


def test_the_figures_of_a_weekly_habit_are_those_of_the_running_week_and_the_four_before() -> None:
    weeks = "xxxxxxx ....... xxxxxxx xx..... xxx.... x"
    found = streak(habit(TimesPerWeek(3)), from_line(MONDAY, weeks), first=MONDAY, today=MONDAY + 35 * DAY)
    # none beyond a week's need: 0 + 3 + 2 + 3, and of the running week the one that is done
    assert (found.done, found.due) == (9, 13)


# ── what always holds ────────────────────────────────────────────────────────────────────────────────────────────────

SCHEDULES = st.one_of(
    st.just(EveryDay()),
    st.sets(st.integers(1, 7), min_size=1).map(lambda days: Weekdays(tuple(sorted(days)))),
    st.integers(1, 7).map(TimesPerWeek),
)
LINES = st.text("xxxxxs.l", min_size=1, max_size=70)
FIRSTS = st.dates(date(2019, 12, 1), date(2021, 2, 1))
GRACES = st.sampled_from([0, 1, 2])


@st.composite
def pauses(draw: st.DrawFn, first: date) -> Pause:
    begin = first + draw(st.integers(-5, 70)) * DAY
    return Pause(first=begin, last=draw(st.none() | st.integers(0, 10).map(lambda days: begin + days * DAY)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Habit, dict[date, Mark], date, date]:
    """A habit, its ticks, its first day and today."""
    first, line = draw(FIRSTS), draw(LINES)
    one = habit(draw(SCHEDULES), *draw(st.lists(pauses(first), max_size=2)))
    return one, from_line(first, line), first, first + (len(line) - 1) * DAY


Case = tuple[Habit, dict[date, Mark], date, date]


def lengths(case: Case, *, ticks: Mapping[date, Mark] | None = None, today: date | None = None, grace: int = 2) -> tuple[int, int]:
    found = streak(case[0], case[1] if ticks is None else ticks, first=case[2], today=today or case[3], grace_per_month=grace)
    return found.current, found.best


def never_less(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1]


@given(case=cases(), at=st.integers(0, 69), grace=GRACES)
@settings(max_examples=60)
def test_a_day_more_done_never_shortens_a_streak(case: Case, at: int, grace: int) -> None:
    more = case[1] | {case[2] + at * DAY: DONE}
    assert never_less(lengths(case, ticks=more, grace=grace), lengths(case, grace=grace))


@given(case=cases(), at=st.integers(-5, 74), grace=GRACES)
@settings(max_examples=60)
def test_a_pause_more_never_shortens_a_streak(case: Case, at: int, grace: int) -> None:
    day = case[2] + at * DAY
    paused = msgspec.structs.replace(case[0], pauses=(*case[0].pauses, Pause(first=day, last=day)))
    assert never_less(lengths((paused, *case[1:]), grace=grace), lengths(case, grace=grace))


@given(case=cases(), grace=st.integers(0, 4))
@settings(max_examples=40)
def test_more_grace_never_shortens_a_streak(case: Case, grace: int) -> None:
    assert never_less(lengths(case, grace=grace + 1), lengths(case, grace=grace))


@given(case=cases(), later=st.integers(1, 40), grace=GRACES)
@settings(max_examples=40)
def test_the_best_streak_stays_as_time_goes_by(case: Case, later: int, grace: int) -> None:
    current, best = lengths(case, grace=grace)
    assert current <= best <= lengths(case, today=case[3] + later * DAY, grace=grace)[1]


@given(case=cases(), grace=GRACES)
@settings(max_examples=40)
def test_a_late_tick_changes_the_history_and_no_streak(case: Case, grace: int) -> None:
    in_time = {day: mark for day, mark in case[1].items() if mark.at is None}
    assert lengths(case, grace=grace) == lengths(case, ticks=in_time, grace=grace)


@given(case=cases(), weeks=st.integers(-60, 60))
@settings(max_examples=40)
def test_the_same_weekdays_of_other_weeks_make_the_same_streak(case: Case, weeks: int) -> None:
    shift = 7 * weeks * DAY
    moved = [Pause(first=one.first + shift, last=one.last and one.last + shift) for one in case[0].pauses]
    ticks = {day + shift: replace(mark, at=mark.at and mark.at + shift) for day, mark in case[1].items()}
    there = (msgspec.structs.replace(case[0], pauses=tuple(moved)), ticks, case[2] + shift, case[3] + shift)
    # without grace, which goes by calendar months
    assert streak(*there[:2], first=there[2], today=there[3], grace_per_month=0) == streak(
        *case[:2], first=case[2], today=case[3], grace_per_month=0
    )


def outcomes(case: Case, ticks: Mapping[date, Mark]) -> list[tuple[date, Outcome]]:
    one, _, first, today = case
    days = [first + at * DAY for at in range((today - first).days + 1)]
    return [(day, outcome(one, ticks.get(day), day, first=first, today=today)) for day in days]


def by_trying(days: list[tuple[date, Outcome]], grace: int) -> tuple[int, int]:
    """The promise taken literally: every stretch of days, the misses of its months counted."""
    current = best = 0
    for begin, end in product(range(len(days)), range(len(days) + 1)):
        stretch = days[begin:end]
        missed = [(day.year, day.month) for day, found in stretch if found is Outcome.MISSED]
        if all(missed.count(month) <= grace for month in missed):
            done = sum(found is Outcome.DONE for _, found in stretch)
            best = max(best, done)
            current = max(current, done) if end == len(days) else current
    return current, best


@given(case=cases().filter(lambda case: not isinstance(case[0].schedule, TimesPerWeek)), grace=GRACES)
@settings(max_examples=30)
def test_a_streak_is_the_longest_stretch_without_a_miss_too_many(case: Case, grace: int) -> None:
    in_time = {day: mark for day, mark in case[1].items() if mark.at is None}
    assert lengths(case, grace=grace) == by_trying(outcomes(case, in_time), grace)


@given(case=cases().filter(lambda case: not isinstance(case[0].schedule, TimesPerWeek)))
@settings(max_examples=30)
def test_done_and_due_are_the_outcomes_of_the_last_30_days(case: Case) -> None:
    recent = [found for _, found in outcomes(case, case[1])[-30:]]
    found = streak(*case[:2], first=case[2], today=case[3])
    assert found.done == recent.count(Outcome.DONE)
    assert found.due == found.done + recent.count(Outcome.MISSED)
