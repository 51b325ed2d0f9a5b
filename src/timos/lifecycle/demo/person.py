"""What the demo's person set up: pillars, habits and moods of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from timos.lifecycle.demo.lived import Day, Hand
from timos.vault.collections.moods import Mood
from timos.vault.collections.morning_habits import EveryDay, Habit, Pause, TimesPerWeek, Weekdays
from timos.vault.collections.pillars import Pillar


@dataclass(frozen=True, slots=True)
class Person:
    """What was set up on the first day, by id."""

    pillars: dict[str, Pillar]
    habits: dict[str, Habit]
    moods: dict[str, Mood]

    def pillar(self, name: str) -> str:
        """Its id."""
        return next(key for key, pillar in self.pillars.items() if pillar.name == name)


def set_up(hand: Hand, lived: Sequence[Day]) -> Person:
    """Pauses and endings follow from what is lived."""
    return Person(_pillars(hand), _habits(hand, lived), _moods(hand, lived))


def _pillars(hand: Hand) -> dict[str, Pillar]:
    made = (
        Pillar(
            name="Health",
            purpose="A body that carries me up the hill and lets me sleep.",
            icon="heart",
            target_text="Run three times a week",
            target_value=3.0,
            current_value=2.0,
            unit="runs",
        ),
        Pillar(
            name="Craft",
            purpose="Maps that somebody wants to unfold. Slow hands, clear lines.",
            icon="compass",
            target_text="Finish the river map: twelve sheets",
            target_value=12.0,
            current_value=7.0,
            unit="sheets",
        ),
        Pillar(name="People", purpose="To be somebody who calls back.", icon="people", target_text="Two evenings a week with friends"),
        Pillar(name="Mind", purpose="Quiet enough to hear what I think.", icon="book", target_text="A book a month"),
        Pillar(name="Home", purpose="A place in order, and letters opened on the day they come.", icon="house"),
    )
    keys = [hand.new_id() for _ in made]
    return {
        key: msgspec.structs.replace(pillar, id=key, colour=f"p{position + 1}", position=position)
        for position, (key, pillar) in enumerate(zip(keys, made, strict=True))
    }


def _habits(hand: Hand, lived: Sequence[Day]) -> dict[str, Habit]:
    pauses = _pauses(lived)
    made = (
        Habit(name="Run", icon="run", schedule=TimesPerWeek(times=3), kind="minutes", target=20.0, unit="min", pauses=pauses),
        Habit(name="Sit quietly", icon="leaf", schedule=EveryDay(), kind="minutes", target=10.0, unit="min", pauses=pauses),
        Habit(name="Read", icon="book", schedule=EveryDay(), kind="count", target=20.0, unit="pages"),
        Habit(name="No phone before nine", icon="phone", schedule=Weekdays(days=(1, 2, 3, 4, 5)), target=1.0),
        Habit(
            name="Cold shower", icon="drop", schedule=EveryDay(), target=1.0, archived_at=lived[len(lived) // 4].at(8)
        ),  # it was not for her
    )
    keys = [hand.new_id() for _ in made]
    return {
        key: msgspec.structs.replace(habit, id=key, position=position) for position, (key, habit) in enumerate(zip(keys, made, strict=True))
    }


def _pauses(lived: Sequence[Day]) -> tuple[Pause, ...]:
    bad = [one.day for one in lived if one.phase == "bad"]
    return (Pause(first=bad[0], last=bad[-1]),) if bad else ()


def _moods(hand: Hand, lived: Sequence[Day]) -> dict[str, Mood]:
    lake, wired, homesick = hand.new_id(), hand.new_id(), hand.new_id()
    return {
        lake: Mood(id=lake, name="Like the lake", emoji="🌊", level=4, valence=0.7, energy=-0.5),
        wired: Mood(id=wired, name="Wired", emoji="⚡", level=2, valence=-0.4, energy=0.8),
        homesick: Mood(id=homesick, name="Homesick", emoji="🏠", level=2, valence=-0.4, energy=-0.3, archived_at=lived[0].at(21)),
    }
