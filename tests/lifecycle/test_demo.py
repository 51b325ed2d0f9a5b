"""The demo's person: the same for the same seed, believable to every rule of the collections, with something to find."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from timos.lifecycle.demo.documents import demo_documents
from timos.lifecycle.demo.records import Record
from timos.vault.collections import COLLECTIONS, moods
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.habit_days import HabitDay
from timos.vault.collections.moods import SYSTEM
from timos.vault.collections.morning_habits import Habit
from timos.vault.collections.weekly_recaps import WeeklyRecap, previous_week, week_of
from timos.vault.emotions import valence_energy
from timos.vault.patterns import by_weekday, goes_with, repeated
from timos.vault.record import canonical

LAST = date(2026, 11, 22)  # a Sunday
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module", params=SEEDS)
def records(request: pytest.FixtureRequest) -> list[Record]:
    return list(demo_documents(LAST, seed=request.param))


def of(records: Sequence[Record], name: str) -> list[Record]:
    return [record for record in records if record[0].name == name]


def mornings(records: Sequence[Record]) -> dict[date, Morning]:
    return {date.fromisoformat(key[0]): one for _, key, one in records if isinstance(one, Morning)}


def test_the_same_seed_gives_the_same_life_and_another_seed_another() -> None:
    first, again, other = (
        [(collection.name, key, canonical(document)) for collection, key, document in demo_documents(LAST, seed=seed)] for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_every_document_is_stored_and_read_as_it_is(records: list[Record]) -> None:
    for collection, key, document in records:
        raw = canonical(document)
        assert collection.decode(raw) == document
        assert canonical(collection.decode(raw)) == raw
        assert collection.key_of(document) == key
        assert len(raw) <= collection.limit_bytes
        document.check()


def test_every_record_comes_once_and_every_collection_of_the_loop_is_there(records: list[Record]) -> None:
    places = [(collection.name, key) for collection, key, _ in records]
    assert len(set(places)) == len(places)
    assert {name for name, _ in places} == {collection.name for collection in COLLECTIONS} - {"imports", "preferences"}


def test_what_is_pointed_at_comes_before_what_points_at_it(records: list[Record]) -> None:
    known = {(moods.COLLECTION.name, mood.id) for mood in SYSTEM}
    for collection, key, document in records:
        assert {(reference.collection, reference.id) for reference in document.references()} <= known
        known.add((collection.name, key[0]))


@pytest.mark.parametrize("days", [1, 2, 10, 45, 180, 400])
def test_all_days_lie_in_the_range_and_the_last_is_only_a_morning(days: int) -> None:
    records = list(demo_documents(LAST, days=days, seed=5))
    of_days = [(date.fromisoformat(key[0]), document) for collection, key, document in records if collection.has_days]
    assert {day for day, _ in of_days} <= {LAST - timedelta(days=ago) for ago in range(days)}
    today = [document for day, document in of_days if day == LAST]
    assert any(isinstance(document, Morning) for document in today)
    assert all(isinstance(document, Morning | HabitDay) for document in today)


def test_nothing_of_today_says_when_it_was_done_since_that_could_lie_ahead(records: list[Record]) -> None:
    today = [document for _, key, document in records if key[0] == LAST.isoformat()]
    ticks = [tick for document in today if isinstance(document, HabitDay) for tick in document.done.values()]
    assert all(tick.at is None for tick in ticks)


def test_the_emotions_are_words_that_we_know(records: list[Record]) -> None:
    words = {word for morning in mornings(records).values() for word in (*morning.emotions, morning.strongest_emotion or "")}
    words |= {word for _, _, one in records if isinstance(one, Evening) for word in one.emotions}
    assert all(valence_energy([word]) for word in words)


def test_no_gap_of_a_sentence_stays_open(records: list[Record]) -> None:
    assert not [text for _, _, document in records for text in document.texts() if "{" in text or "}" in text]


def test_entries_are_hardly_ever_alike(records: list[Record]) -> None:
    bodies = [list(document.texts())[1] for _, _, document in of(records, "daily_entries")]
    assert len(set(bodies)) > 0.97 * len(bodies)
    assert len(bodies) > 100


def test_a_habit_is_not_ticked_while_it_is_paused_nor_after_it_was_given_up(records: list[Record]) -> None:
    habits = {key[0]: habit for _, key, habit in records if isinstance(habit, Habit)}
    assert any(habit.pauses for habit in habits.values())
    assert sum(habit.archived_at is not None for habit in habits.values()) == 1
    for _, key, done in records:
        for habit_id in done.done if isinstance(done, HabitDay) else ():
            habit, day = habits[habit_id], date.fromisoformat(key[0])
            assert not any(pause.first <= day <= (pause.last or day) for pause in habit.pauses)
            assert habit.archived_at is None or day <= habit.archived_at.date()


def test_some_days_are_missing_and_a_fortnight_is_bad(records: list[Record]) -> None:
    written = {date.fromisoformat(key[0]) for collection, key, _ in records if collection.has_days}
    assert 3 <= 180 - len(written) <= 30
    states = {day: one.mental_state or 0 for day, one in mornings(records).items()}
    bad = LAST - timedelta(days=79)
    fortnight = [state for day, state in states.items() if bad <= day < bad + timedelta(days=14)]
    assert sum(fortnight) / len(fortnight) < sum(states.values()) / len(states) - 0.7


def test_there_are_patterns_to_find(records: list[Record]) -> None:
    kept = mornings(records)
    states = {day: float(one.mental_state or 0) for day, one in kept.items()}
    run = next(key[0] for _, key, habit in records if isinstance(habit, Habit) and habit.name == "Run")
    ran = {date.fromisoformat(key[0]) for _, key, done in records if isinstance(done, HabitDay) and run in done.done}
    for flags in ({day: day in ran for day in kept}, {day: (one.sleep_hours or 0) >= 7 for day, one in kept.items()}):
        found = goes_with(flags, states)
        assert found is not None
        assert found.low > 0
    means = [weekday.mean or 0 for weekday in by_weekday(states)]
    assert means[0] < sum(means) / 7
    assert repeated({day: one.avoiding for day, one in kept.items()})


def test_last_week_left_something_to_do_for_this_one(records: list[Record]) -> None:
    recaps = {key[0]: recap for _, key, recap in records if isinstance(recap, WeeklyRecap)}
    assert week_of(LAST) not in recaps
    assert any(not correction.done for correction in recaps[previous_week(week_of(LAST))].corrections)
    assert len(recaps) > 15


def test_a_recap_keeps_the_means_of_its_week(records: list[Record]) -> None:
    by_week: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _, key, document in of(records, "pillar_scores"):
        for pillar, score in document.scores.items():  # type: ignore[attr-defined]  # it is PillarScores
            by_week[week_of(date.fromisoformat(key[0])), pillar].append(score.value)
    for _, key, recap in records:
        for pillar, kept in recap.pillar_scores.items() if isinstance(recap, WeeklyRecap) else ():
            values = by_week[key[0], pillar]
            assert kept.days == len(values)
            assert kept.mean == pytest.approx(sum(values) / len(values), abs=0.006)
