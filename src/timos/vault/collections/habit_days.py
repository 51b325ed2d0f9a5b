"""What was done on a day: one document a day, so that the number of habits does not show."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from timos.vault.record import Collection, DayDocument, Reference

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Tick(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`value` against the habit's target; a skipped day neither counts nor breaks. `at` is when it was ticked, for back-filling."""

    value: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 1.0
    skipped: bool = False
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class HabitDay(DayDocument, frozen=True, kw_only=True):
    """By the id of the habit."""

    done: Annotated[dict[Id, Tick], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        for tick in self.done.values():
            yield tick.note

    def references(self) -> Iterator[Reference]:
        for habit in self.done:
            yield Reference(f"$.done.{habit}", "morning_habits", habit)


COLLECTION = Collection(name="habit_days", path=None, label="Habit days", key=("day",), kinds={"": HabitDay})
