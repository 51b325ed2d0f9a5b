"""What insights read of each document: less than the whole, which is half of the time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, TypeVar

import msgspec

from timos.kernel.errors import DecryptionError
from timos.vault.collections import daily_entries, feels_entries, habit_days, mood_logs, moods, morning_habits, pillar_scores
from timos.vault.collections.moods import Mood, SystemMood
from timos.vault.collections.morning_habits import Habit
from timos.vault.collections.pillar_scores import PillarScores
from timos.vault.record import Collection
from timos.vault.store import Opened, Stored, Vault

PORTION_DAYS: Final = 64  # asked for at once by tokens; then others have their turn
MOST_BY_TOKENS_DAYS: Final = 1500  # for a longer range, opening the whole collection costs no more than asking day by day

T = TypeVar("T")


# gc=False: tens of thousands of them live for a moment, and none can be part of a cycle


class Morning(msgspec.Struct, gc=False):
    """Part of the document of the same name, as the others here are."""

    mental_state: int | None = None
    strongest_emotion: str | None = None
    emotions: list[str] = []
    valence: float | None = None
    energy: float | None = None
    avoiding: str = ""
    sleep_hours: float | None = None


class Evening(msgspec.Struct, gc=False):
    """Likewise."""

    energy_givers: list[str] = []
    energy_drainers: list[str] = []
    emotions: list[str] = []


class _Text(msgspec.Struct, gc=False):
    text: str = ""


class _Entry(msgspec.Struct, gc=False):
    body: str = ""
    notes: list[_Text] = []


class Tick(msgspec.Struct, gc=False):
    """Likewise."""

    value: float = 1
    skipped: bool = False


class _HabitDay(msgspec.Struct, gc=False):
    done: dict[str, Tick] = {}


class Log(msgspec.Struct, gc=False):
    """Of a mood."""

    mood: str = ""


class _MoodDay(msgspec.Struct, gc=False):
    logs: list[Log] = []


_morning = msgspec.json.Decoder(Morning)
_evening = msgspec.json.Decoder(Evening)
_entry = msgspec.json.Decoder(_Entry)
_habit_day = msgspec.json.Decoder(_HabitDay)
_mood_day = msgspec.json.Decoder(_MoodDay)
_habit = msgspec.json.Decoder(Habit)
_mood = msgspec.json.Decoder(Mood)
_scores = msgspec.json.Decoder(PillarScores)


@dataclass(slots=True)
class Readings:
    """What the documents say, by day. Weeks before the range are there too, for means and trends."""

    mornings: dict[date, Morning] = field(default_factory=dict)
    evenings: dict[date, Evening] = field(default_factory=dict)
    words: dict[date, float] = field(default_factory=dict)
    ticks: dict[date, dict[str, Tick]] = field(default_factory=dict)
    logs: dict[date, list[Log]] = field(default_factory=dict)
    scores: dict[date, PillarScores] = field(default_factory=dict)
    habits: dict[str, tuple[Habit, date]] = field(default_factory=dict)  # with the day on which it was made
    moods: dict[str, Mood | SystemMood] = field(default_factory=dict)
    unreadable: int = 0

    def take_feels(self, day: date, stored: Stored) -> None:
        if stored.key[1] == "morning":
            self.mornings[day] = _decoded(_morning, stored)
        else:
            self.evenings[day] = _decoded(_evening, stored)

    def take_entry(self, day: date, stored: Stored) -> None:
        entry = _decoded(_entry, stored)
        if words := len(entry.body.split()) + sum(len(note.text.split()) for note in entry.notes):
            self.words[day] = words

    def take_habits(self, day: date, stored: Stored) -> None:
        self.ticks[day] = _decoded(_habit_day, stored).done

    def take_moods(self, day: date, stored: Stored) -> None:
        self.logs[day] = _decoded(_mood_day, stored).logs

    def take_scores(self, day: date, stored: Stored) -> None:
        self.scores[day] = _decoded(_scores, stored)


def _decoded(decoder: msgspec.json.Decoder[T], stored: Stored) -> T:
    """Raises:
    DecryptionError: opened, but not of its type.
    """
    try:
        return decoder.decode(stored.raw)
    except msgspec.MsgspecError as error:
        raise DecryptionError from error


async def read(vault: Vault, low: date, high: date) -> Readings:
    """The days from `low` to `high`.

    Raises:
        DecryptionError: a document is not of its type, or a habit or mood does not open; a day that does not open is counted.
    """
    found = Readings()
    takers: tuple[tuple[Collection, Callable[[date, Stored], None]], ...] = (
        (feels_entries.COLLECTION, found.take_feels),
        (daily_entries.COLLECTION, found.take_entry),
        (habit_days.COLLECTION, found.take_habits),
        (mood_logs.COLLECTION, found.take_moods),
        (pillar_scores.COLLECTION, found.take_scores),
    )
    for collection, take in takers:
        async for opened in _opened(vault, collection, low, high):
            found.unreadable += opened.unreadable
            for stored in opened.items:
                take(date.fromisoformat(stored.key[0]), stored)
    found.habits = {
        one.key[0]: (_decoded(_habit, one), datetime.fromtimestamp(one.created_ms / 1000, UTC).date())
        for one in await vault.all(morning_habits.COLLECTION)
    }
    found.moods = {mood.id: mood for mood in moods.SYSTEM} | {one.key[0]: _decoded(_mood, one) for one in await vault.all(moods.COLLECTION)}
    return found


async def _opened(vault: Vault, collection: Collection, low: date, high: date) -> AsyncIterator[Opened]:
    """Only records of the range, in slices."""
    if high.toordinal() - low.toordinal() >= MOST_BY_TOKENS_DAYS:
        first, last = low.isoformat(), high.isoformat()
        async for opened in vault.scan(collection):
            yield Opened([stored for stored in opened.items if first <= stored.key[0] <= last], opened.unreadable)
        return
    for start in range(low.toordinal(), high.toordinal() + 1, PORTION_DAYS):
        end = date.fromordinal(min(start + PORTION_DAYS - 1, high.toordinal()))
        page = await vault.days(collection, date.fromordinal(start), end, limit=PORTION_DAYS * len(collection.kinds))
        yield Opened(page.items, len(page.unreadable))
        await asyncio.sleep(0)
