"""Insights through a real vault: charts and patterns of a few weeks that a hand can reckon, and of half a demo year."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.vault.vaults import Bench, Tell
from timos.lifecycle.demo.documents import demo_documents
from timos.vault.actions import readings
from timos.vault.actions.insights import Insights, PillarWeek, insights
from timos.vault.collections import daily_entries, feels_entries, habit_days, mood_logs, moods, morning_habits, pillar_scores
from timos.vault.collections.daily_entries import DailyEntry, Note
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.habit_days import HabitDay, Tick
from timos.vault.collections.mood_logs import MoodDay, MoodLog
from timos.vault.collections.moods import Mood
from timos.vault.collections.morning_habits import EveryDay, Habit, Pause, TimesPerWeek
from timos.vault.collections.pillar_scores import PillarScores, Score, WeekMean
from timos.vault.record import Collection, Document, Key

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

FIRST = date(2026, 6, 1)  # a Monday
LAST = FIRST + timedelta(days=20)
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONG_AGO_MS = 1_600_000_000_000


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


async def keep(bench: Bench, *records: tuple[Collection, Key, Document]) -> None:
    for collection, key, document in records:
        written = await bench.vault.restore(collection, key, document, created_ms=LONG_AGO_MS, updated_ms=LONG_AGO_MS)
        assert written is not None
        assert written.is_new


async def keep_morning(bench: Bench, morning: Morning) -> None:
    await keep(bench, (feels_entries.COLLECTION, (str(morning.day), "morning"), morning))


async def keep_evening(bench: Bench, evening: Evening) -> None:
    await keep(bench, (feels_entries.COLLECTION, (str(evening.day), "evening"), evening))


async def of_range(bench: Bench, first: date = FIRST, last: date = LAST) -> Insights:
    return await insights(bench.vault, first=first, last=last)


def test_an_empty_vault_has_gaps_and_no_patterns(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        found = await of_range(bench)
        assert (found.lines.level.n, found.lines.level.values) == (0, [None] * 21)
        assert found.pixels == [None] * 21
        assert [week.week for week in found.pillar_weeks] == ["2026-W22", "2026-W23", "2026-W24", "2026-W25"]
        patterns = found.patterns
        assert not any((patterns.drivers, patterns.emotions, patterns.givers_and_drainers, patterns.repeated_avoidances))
        assert [weekday.n for weekday in found.weekdays] == [0] * 7

    on_vault(story)


def test_a_days_level_is_the_mean_of_its_mental_state_and_its_moods(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        logs = tuple(MoodLog(id=str(number), at=AT, mood=mood) for number, mood in enumerate(("great", "mine", "deleted since")))
        await keep(
            bench,
            (moods.COLLECTION, ("mine",), Mood(id="mine", name="Mine", level=2)),
            (mood_logs.COLLECTION, (str(day(1)),), MoodDay(day=day(1), logs=logs)),
            (mood_logs.COLLECTION, (str(day(2)),), MoodDay(day=day(2), logs=logs[:1])),
        )
        await keep_morning(bench, Morning(day=day(0), mental_state=2, sleep_hours=6.5))
        await keep_morning(bench, Morning(day=day(1), mental_state=4))
        found = await of_range(bench, last=day(3))
        assert found.lines.mental_state.values == [2, 4, None, None]
        assert found.lines.mood.values == [None, 3.5, 5, None]
        assert (found.lines.level.n, found.lines.level.values) == (3, [2, 3.75, 5, None])
        assert found.lines.sleep_hours.values == [6.5, None, None, None]
        assert found.pixels == [2, 4, 5, None]

    on_vault(story)


def test_valence_and_energy_are_stated_or_follow_from_the_words(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await keep_morning(bench, Morning(day=day(0), valence=0.25, strongest_emotion="calm"))
        await keep_morning(bench, Morning(day=day(1), emotions=("sehnsucht",)))
        await keep_evening(bench, Evening(day=day(2), emotions=("joyful", "sad")))
        lines = (await of_range(bench, last=day(2))).lines
        assert lines.valence.values == [0.25, None, 0.1]
        assert lines.energy.values == [-0.6, None, 0.1]

    on_vault(story)


def test_means_reach_back_before_the_range_and_words_count_notes(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        note = Note(id="1", text="two words")
        entries = [DailyEntry(day=day(number), body="one two\nthree  four") for number in range(-3, 0)]
        for entry in (*entries, DailyEntry(day=day(0), body="one two", notes=(note, note)), DailyEntry(day=day(1), title="no text yet")):
            await keep(bench, (daily_entries.COLLECTION, (str(entry.day),), entry))
        line = (await of_range(bench, last=day(1))).lines.words
        assert (line.n, line.values, line.means) == (1, [6, None], [4.5, 4.5])

    on_vault(story)


def test_the_share_of_habits_counts_what_was_due_and_forgives_the_rest(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        pause = Pause(first=day(2), last=day(2))
        await keep(
            bench,
            (morning_habits.COLLECTION, ("read",), Habit(id="read", name="Read", schedule=EveryDay(), target=20.0)),
            (morning_habits.COLLECTION, ("sit",), Habit(id="sit", name="Sit", schedule=EveryDay(), pauses=(pause,))),
            (morning_habits.COLLECTION, ("run",), Habit(id="run", name="Run", schedule=TimesPerWeek(times=2))),
        )
        ticks = {
            0: {"read": Tick(value=20), "sit": Tick(value=1), "run": Tick(value=1)},  # 3 of 3
            1: {"read": Tick(value=19), "sit": Tick(value=1)},  # 1 of 2: too few pages, and no run is due on a certain day
            2: {"read": Tick(value=25)},  # 1 of 1: a pause
            3: {"read": Tick(value=0, skipped=True), "sit": Tick(value=1)},  # 1 of 1: skipped
            5: {"read": Tick(value=20)},  # the last day is not over: 1 of 1
        }
        for number, done in ticks.items():
            await keep(bench, (habit_days.COLLECTION, (str(day(number)),), HabitDay(day=day(number), done=done)))
        line = (await of_range(bench, last=day(5))).lines.habits
        assert line.values == [1, 0.5, 1, 1, 0, 1]
        # the habits were made long ago, and missed on the three days before the range that the first mean knows
        assert line.means[0] == pytest.approx(1 / 7, abs=0.001)

    on_vault(story)


def test_a_habit_that_goes_with_better_days_is_named_with_its_figures(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await keep(bench, (morning_habits.COLLECTION, ("run",), Habit(id="run", name="Run", schedule=EveryDay())))
        for number in range(21):
            has_run = number % 2 == 0 and number < 20  # 10 days with, 10 without; the last day is open
            await keep_morning(bench, Morning(day=day(number), mental_state=(4 if number % 4 else 5) if has_run else 3, sleep_hours=8))
            if has_run:
                await keep(bench, (habit_days.COLLECTION, (str(day(number)),), HabitDay(day=day(number), done={"run": Tick()})))
        [driver] = (await of_range(bench)).patterns.drivers  # sleep is always enough: nothing to compare it with
        assert (driver.kind, driver.id, driver.name) == ("habit", "run", "Run")
        # with: five days of 5 and five of 4; without: always 3
        assert (driver.association.n_with, driver.association.n_without, driver.association.difference) == (10, 10, 1.5)
        # standard error 0.527046 / sqrt(10) = 0.166667, t(9) = 2.262157
        assert (driver.association.low, driver.association.high) == pytest.approx((1.5 - 0.377026, 1.5 + 0.377026), abs=1e-4)
        assert driver.words == "Run goes with better days (+1.50, 95 % interval +1.12 to +1.88; 10 days with, 10 without)."

    on_vault(story)


def test_patterns_are_hidden_under_eight_days_and_keep_to_the_range(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        for number in range(-14, 7):
            await keep_morning(bench, Morning(day=day(number), mental_state=3, strongest_emotion="calm", avoiding="Taxes"))
            await keep_evening(bench, Evening(day=day(number), energy_givers=("Tea",), emotions=("calm", "tired")))
        few, enough = await of_range(bench, last=day(6)), await of_range(bench, first=day(-1), last=day(6))
        assert (few.patterns.emotions, few.patterns.givers_and_drainers) == ([], [])
        assert [(one.text, one.count, one.n) for one in enough.patterns.emotions] == [("calm", 8, 8), ("tired", 8, 8)]
        assert [(one.text, one.gave, one.drained) for one in enough.patterns.givers_and_drainers] == [("Tea", 8, 0)]
        assert [(one.weekday, one.n, one.top) for one in enough.patterns.emotions_by_weekday][5:] == [(6, 1, []), (7, 2, [])]
        assert [len(one.days) for one in few.patterns.repeated_avoidances] == [7]
        assert [one.mean for one in enough.weekdays] == [None] * 7

    on_vault(story)


def test_pillars_have_whole_weeks_with_the_one_before_and_a_trend(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        scored = {-21: 2, -14: 4, -7: 6, -6: 7, 0: 8, 4: 9}
        for number, value in scored.items():
            document = PillarScores(day=day(number), scores={"health": Score(value=value)})
            await keep(bench, (pillar_scores.COLLECTION, (str(day(number)),), document))
        found = await of_range(bench, first=day(2), last=day(3))
        assert found.pillar_weeks == [
            PillarWeek(week="2026-W22", scores={"health": WeekMean(mean=6.5, days=2)}),
            PillarWeek(week="2026-W23", scores={"health": WeekMean(mean=8.5, days=2)}),
        ]
        # 2, 4, 6.5, 8.5 over four weeks: slope (-1.5·2 - 0.5·4 + 0.5·6.5 + 1.5·8.5) / 5
        assert found.trends["health"].slope_per_week == pytest.approx(2.2)
        assert found.trends["health"].n == 4

    on_vault(story)


def test_a_long_range_is_read_otherwise_and_says_the_same(on_vault: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(bench: Bench) -> None:
        await keep(bench, *demo_documents(LAST, days=60, seed=3))
        by_tokens = await of_range(bench)
        monkeypatch.setattr(readings, "MOST_BY_TOKENS_DAYS", 0)
        assert await of_range(bench) == by_tokens
        assert by_tokens.lines.level.n > 10
        assert by_tokens.unreadable == 0

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
@pytest.mark.parametrize("most_by_tokens", [0, 1500])
def test_a_row_that_does_not_open_is_counted_and_the_others_are_read(
    on_vault: Tell, monkeypatch: pytest.MonkeyPatch, most_by_tokens: int
) -> None:
    async def story(bench: Bench) -> None:
        monkeypatch.setattr(readings, "MOST_BY_TOKENS_DAYS", most_by_tokens)
        await bench.write("three words here", day(0))
        before = bench.rows()
        await bench.write("four words are here", day(1))
        [[row_id]] = [row[1:2] for row in bench.rows() if row not in before]
        bench.sql("UPDATE daily_entries SET sealed = zeroblob(600) WHERE id = ?", row_id)
        found = await of_range(bench, last=day(1))
        assert found.lines.words.values == [3, None]
        assert found.unreadable == 1

    on_vault(story)


@pytest.mark.parametrize("most_by_tokens", [0, 1500])
def test_a_document_of_another_shape_is_counted_and_not_an_empty_day(
    on_vault: Tell, monkeypatch: pytest.MonkeyPatch, most_by_tokens: int
) -> None:
    async def story(bench: Bench) -> None:
        monkeypatch.setattr(readings, "MOST_BY_TOKENS_DAYS", most_by_tokens)
        await keep_morning(bench, Morning(day=day(0), mental_state="five"))  # type: ignore[arg-type]  # as another program might write it
        await keep_morning(bench, Morning(day=day(1), mental_state=5))
        found = await of_range(bench, last=day(1))
        assert (found.lines.mental_state.values, found.unreadable) == ([None, 5], 1)

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
def test_a_habit_and_a_mood_that_do_not_open_are_counted_and_the_others_are_read(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await keep(
            bench,
            (morning_habits.COLLECTION, ("run",), Habit(id="run", name="Run")),
            (moods.COLLECTION, ("mine",), Mood(id="mine", name="Mine", level=2)),
        )
        bench.sql("UPDATE morning_habits SET sealed = zeroblob(600)")
        bench.sql("UPDATE moods SET sealed = zeroblob(600)")
        await keep(bench, (morning_habits.COLLECTION, ("sit",), Habit(id="sit", name="Sit")))
        await keep(bench, (habit_days.COLLECTION, (str(day(0)),), HabitDay(day=day(0), done={"run": Tick(), "sit": Tick()})))
        logs = tuple(MoodLog(id=mood, at=AT, mood=mood) for mood in ("good", "mine"))
        await keep(bench, (mood_logs.COLLECTION, (str(day(0)),), MoodDay(day=day(0), logs=logs)))
        found = await of_range(bench, last=day(1))
        assert found.unreadable == 2
        assert found.lines.habits.values[0] == 1
        assert found.lines.mood.values[0] == 4

    on_vault(story)


@pytest.mark.parametrize(("first", "last"), [(date(1000, 1, 1), date(1000, 1, 3)), (date(9999, 12, 20), date.max)])
def test_the_ends_of_the_calendar_are_ranges_too(on_vault: Tell, first: date, last: date) -> None:
    async def story(bench: Bench) -> None:
        found = await of_range(bench, first, last)
        assert len(found.pixels) == (last - first).days + 1

    on_vault(story)
