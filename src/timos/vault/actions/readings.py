"""What insights read of each document: less than the whole, which is half of the time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol, TypeVar

import msgspec

from timos.kernel.clock import instant
from timos.vault.collections import daily_entries, feels_entries, habit_days, mood_logs, moods, morning_habits, pillar_scores
from timos.vault.collections.moods import Mood, SystemMood
from timos.vault.collections.morning_habits import Habit
from timos.vault.collections.pillar_scores import PillarScores
from timos.vault.record import Collection
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Opened, Stored

PORTION_DAYS: Final = 64  # asked for at once by tokens; then others have their turn
MOST_BY_TOKENS_DAYS: Final = 1500  # for a longer range, opening the whole collection costs no more than asking day by day

T = TypeVar("T")


class _OfDay(Protocol):
    @property
    def day(self) -> date: ...


D = TypeVar("D", bound=_OfDay)


# gc=False: tens of thousands of them live for a moment, and none can be part of a cycle


class _Day(msgspec.Struct, gc=False):
    day: date


class Morning(_Day, gc=False, tag_field="kind", tag="morning"):
    """Part of the document of the same name, as the others here are."""

    mental_state: int | None = None
    strongest_emotion: str | None = None
    emotions: list[str] = []
    valence: float | None = None
    energy: float | None = None
    avoiding: str = ""
    sleep_hours: float | None = None


class Evening(_Day, gc=False, tag_field="kind", tag="evening"):
    """Likewise."""

    energy_givers: list[str] = []
    energy_drainers: list[str] = []
    emotions: list[str] = []


class _Text(msgspec.Struct, gc=False):
    text: str = ""


class _Entry(_Day, gc=False):
    body: str = ""
    notes: list[_Text] = []


class Tick(msgspec.Struct, gc=False):
    """Likewise."""

    value: float = 1
    skipped: bool = False


class _HabitDay(_Day, gc=False):
    done: dict[str, Tick] = {}


class Log(msgspec.Struct, gc=False):
    """Of a mood."""

    mood: str = ""


class _MoodDay(_Day, gc=False):
    logs: list[Log] = []


class _ScoreDay(PillarScores, frozen=True, kw_only=True):
    day: date


_feels = msgspec.json.Decoder(Morning | Evening)
_entry = msgspec.json.Decoder(_Entry)
_habit_day = msgspec.json.Decoder(_HabitDay)
_mood_day = msgspec.json.Decoder(_MoodDay)
_score_day = msgspec.json.Decoder(_ScoreDay)
_habit = msgspec.json.Decoder(Habit)
_mood = msgspec.json.Decoder(Mood)


@dataclass(slots=True)
class Readings:
    """What the documents say, by day. Weeks before the range are there too, for means and trends; `unreadable` ones are left out."""

    mornings: dict[date, Morning] = field(default_factory=dict)
    evenings: dict[date, Evening] = field(default_factory=dict)
    words: dict[date, float] = field(default_factory=dict)
    ticks: dict[date, dict[str, Tick]] = field(default_factory=dict)
    logs: dict[date, list[Log]] = field(default_factory=dict)
    scores: dict[date, PillarScores] = field(default_factory=dict)
    habits: dict[str, tuple[Habit, date]] = field(default_factory=dict)  # with the day on which it was made
    moods: dict[str, Mood | SystemMood] = field(default_factory=dict)
    unreadable: int = 0

    def take_feels(self, one: Morning | Evening) -> None:
        if isinstance(one, Morning):
            self.mornings[one.day] = one
        else:
            self.evenings[one.day] = one

    def take_entry(self, one: _Entry) -> None:
        words = len(one.body.split())
        for note in one.notes:
            words += len(note.text.split())
        if words:
            self.words[one.day] = words

    def take_habits(self, one: _HabitDay) -> None:
        self.ticks[one.day] = one.done

    def take_moods(self, one: _MoodDay) -> None:
        self.logs[one.day] = one.logs

    def take_scores(self, one: _ScoreDay) -> None:
        self.scores[one.day] = one


class _Reader:
    """Reads the days from `low` to `high` of one collection after the other."""

    def __init__(self, vault: Reader, low: date, high: date) -> None:
        self._vault = vault
        self._low = low
        self._high = high
        self.unreadable = 0

    async def read(self, collection: Collection, decoder: msgspec.json.Decoder[D], take: Callable[[D], None]) -> None:
        is_long = self._high.toordinal() - self._low.toordinal() >= MOST_BY_TOKENS_DAYS
        low, high = self._low, self._high
        async for opened in self._vault.documents(collection, decoder.decode) if is_long else self._by_tokens(collection, decoder):
            self.unreadable += opened.unreadable
            for one in opened.items:
                if low <= one.day <= high:
                    take(one)

    async def _by_tokens(self, collection: Collection, decoder: msgspec.json.Decoder[D]) -> AsyncIterator[Opened[D]]:
        for start in range(self._low.toordinal(), self._high.toordinal() + 1, PORTION_DAYS):
            end = date.fromordinal(min(start + PORTION_DAYS - 1, self._high.toordinal()))
            page = await self._vault.days(collection, date.fromordinal(start), end, limit=PORTION_DAYS * len(collection.kinds))
            self.unreadable += len(page.unreadable)
            yield Opened([one for stored in page.items for one in self._decoded(decoder, stored)])
            await asyncio.sleep(0)

    async def named(self, collection: Collection, decoder: msgspec.json.Decoder[T]) -> list[tuple[Stored, T]]:
        """A collection without days, whole."""
        found: list[tuple[Stored, T]] = []
        async for opened in self._vault.scan(collection):
            self.unreadable += opened.unreadable
            found += [(stored, one) for stored in opened.items for one in self._decoded(decoder, stored)]
        return found

    def _decoded(self, decoder: msgspec.json.Decoder[T], stored: Stored) -> Iterator[T]:
        """One, or none: opened, but not of its type, which is as good as not opened."""
        try:
            yield decoder.decode(stored.raw)
        except msgspec.MsgspecError:
            self.unreadable += 1


async def read(vault: Reader, low: date, high: date) -> Readings:
    """The days from `low` to `high`; what does not open, or is not of its type, is left out and counted."""
    found = Readings()
    reader = _Reader(vault, low, high)
    await reader.read(feels_entries.COLLECTION, _feels, found.take_feels)
    await reader.read(daily_entries.COLLECTION, _entry, found.take_entry)
    await reader.read(habit_days.COLLECTION, _habit_day, found.take_habits)
    await reader.read(mood_logs.COLLECTION, _mood_day, found.take_moods)
    await reader.read(pillar_scores.COLLECTION, _score_day, found.take_scores)
    for stored, habit in await reader.named(morning_habits.COLLECTION, _habit):
        found.habits[stored.key[0]] = habit, instant(stored.created_ms).date()
    found.moods |= {mood.id: mood for mood in moods.SYSTEM}
    found.moods |= {stored.key[0]: mood for stored, mood in await reader.named(moods.COLLECTION, _mood)}
    found.unreadable = reader.unreadable
    return found
