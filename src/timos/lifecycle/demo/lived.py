"""What the demo's person goes through and does not write down: phases, sleep, runs, and how good each day is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random  # noqa: TID251 (a seed must give the same person again; nothing secret is drawn)
from typing import Final, Literal

from timos.kernel.ids import ID_BYTES, text_of
from timos.lifecycle.demo import texts

Phase = Literal["usual", "away", "bad", "silent"]

BY_WEEKDAY: Final = (-0.6, -0.1, 0.0, 0.0, 0.2, 0.4, 0.1)  # Monday first
BY_PHASE: Final[dict[Phase, float]] = {"usual": 0.0, "away": 0.7, "bad": -1.3, "silent": -0.5}
RUNNING_DAYS: Final = (1, 3, 5)  # Tuesday, Thursday, Saturday
SATURDAY: Final = 5
SUNDAY: Final = 6
HIGH, LOW = 3.9, 2.9  # levels of a day, of 1 to 5


@dataclass(frozen=True, slots=True)
class Day:
    """What the person does not write down, and everything written follows from."""

    day: date
    phase: Phase
    phase_part: float  # how much of the phase is over, 0 to 1
    sleep_hours: float
    has_run: bool
    level: float
    is_last: bool

    @property
    def tone(self) -> str:
        if self.phase in {"away", "bad"}:
            return self.phase
        return "high" if self.level >= HIGH else "low" if self.level < LOW else "middle"

    @property
    def plain_tone(self) -> str:
        """One of three, where a phase has no words of its own."""
        return {"away": "high", "bad": "low"}.get(self.tone, self.tone)

    def at(self, hour: float) -> datetime:
        return datetime.combine(self.day, time(tzinfo=UTC)) + timedelta(minutes=round(hour * 60))


class Hand:
    """Chance, and decks of cards: one comes back only after all others of its deck."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 (as above)
        self._decks: dict[tuple[str, ...], list[str]] = {}

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def new_id(self) -> str:
        return text_of(self.random.randbytes(ID_BYTES))

    def draw(self, cards: tuple[str, ...]) -> str:
        """A sentence with its gaps filled."""
        text = self._next(cards)
        for name, fillings in texts.FILLINGS.items():
            if f"{{{name}}}" in text:
                text = text.replace(f"{{{name}}}", self._next(fillings))
        return text[0].upper() + text[1:]

    def _next(self, cards: tuple[str, ...]) -> str:
        if not self._decks.get(cards):
            self._decks[cards] = self.random.sample(cards, len(cards))
        return self._decks[cards].pop()

    def several(self, cards: tuple[str, ...], most: int) -> tuple[str, ...]:
        return tuple(self.random.sample(cards, self.random.randint(1, most)))


def live(hand: Hand, last: date, days: int) -> list[Day]:
    """Oldest day first."""
    found: list[Day] = []
    carried = 0.0  # a mood lasts
    for number in range(days):
        day = last - timedelta(days=days - 1 - number)
        phase, part = _phase(number, days)
        if phase == "usual" and number < days - 3 and hand.chance(0.03):
            phase = "silent"
        sleep = min(9.5, max(4.0, hand.random.gauss(7.1, 0.9) + BY_PHASE[phase] * 0.6))
        has_run = phase != "bad" and hand.chance(0.75 if day.weekday() in RUNNING_DAYS else 0.12)
        carried = 0.4 * carried + hand.random.gauss(0, 0.4)
        level = 3.3 + BY_WEEKDAY[day.weekday()] + BY_PHASE[phase] + 0.45 * (sleep - 7) + 0.6 * has_run + carried
        found.append(Day(day, phase, part, round(sleep * 4) / 4, has_run, min(5.0, max(1.0, level)), number == days - 1))
    return found


def _phase(number: int, days: int) -> tuple[Phase, float]:
    """A week away after a third, a bad fortnight after more than half, and silence for some days behind it; fewer in a shorter time."""
    for phase, first, length in _phases(days):
        if first <= number < first + length:
            return phase, (number - first) / length
    return "usual", 0.0


def _phases(days: int) -> tuple[tuple[Phase, int, int], ...]:
    away, bad = min(8, days // 12), min(14, days // 8)
    return ("away", days // 3, away), ("bad", days * 5 // 9, bad), ("silent", days * 5 // 9 + bad, bad // 4)


def whole(value: float, low: int, high: int) -> int:
    """Rounded, and not beyond the scale."""
    return min(high, max(low, round(value)))
