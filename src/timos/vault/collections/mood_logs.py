"""The moods logged on a day, with their times; appended on the server."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from timos.kernel.errors import InputError
from timos.vault.record import Collection, DayDocument, Reference

MOST_A_DAY = 100

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
LogText = Annotated[str, msgspec.Meta(max_length=4000)]
Tags = Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=64)], ...], msgspec.Meta(max_length=20)]


class MoodLog(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`mood` is the id of a system mood or of an own one."""

    id: Id
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    mood: Id
    note: LogText = ""
    tags: Tags = ()
    pillar: Id | None = None


class MoodDay(DayDocument, frozen=True, kw_only=True):
    """In the order of their times."""

    logs: Annotated[tuple[MoodLog, ...], msgspec.Meta(max_length=MOST_A_DAY)] = ()

    def texts(self) -> Iterator[str]:
        for log in self.logs:
            yield log.note
            yield from log.tags

    def references(self) -> Iterator[Reference]:
        for at, log in enumerate(self.logs):
            yield Reference(f"$.logs[{at}].mood", "moods", log.mood)
            if log.pillar is not None:
                yield Reference(f"$.logs[{at}].pillar", "pillars", log.pillar)


def with_log(day: MoodDay, log: MoodLog) -> MoodDay:
    """The day with one more log, at its place in time.

    Raises:
        InputError: the day is full.
    """
    if len(day.logs) >= MOST_A_DAY:
        message = f"A day holds at most {MOST_A_DAY} moods."
        raise InputError(message, path="$.logs")
    return msgspec.structs.replace(day, logs=tuple(sorted((*day.logs, log), key=lambda one: one.at)))


COLLECTION = Collection(name="mood_logs", path=None, label="Mood logs", key=("day",), kinds={"": MoodDay})
