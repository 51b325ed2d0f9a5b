"""Moods: those that everybody has are data here; a user's own are records."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from timos.vault.record import Collection, NamedDocument

MOST = 200  # of one user, archived ones included

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
Degree = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class Mood(NamedDocument, frozen=True, kw_only=True):
    """`level` from 1 (worst) to 5 (best); valence and energy from -1 to 1."""

    emoji: Annotated[str, msgspec.Meta(max_length=16)] = ""
    level: Level = 3
    valence: Degree | None = None
    energy: Degree | None = None
    archived_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def texts(self) -> Iterator[str]:
        yield self.name


class SystemMood(msgspec.Struct, frozen=True, kw_only=True):
    """A mood that needs no record; its id is a word and never changes."""

    id: str
    name: str
    emoji: str
    level: int
    valence: float
    energy: float


SYSTEM: tuple[SystemMood, ...] = (
    SystemMood(id="awful", name="Awful", emoji="😞", level=1, valence=-0.9, energy=-0.2),
    SystemMood(id="low", name="Low", emoji="🙁", level=2, valence=-0.5, energy=-0.4),
    SystemMood(id="okay", name="Okay", emoji="😐", level=3, valence=0.0, energy=0.0),
    SystemMood(id="good", name="Good", emoji="🙂", level=4, valence=0.5, energy=0.3),
    SystemMood(id="great", name="Great", emoji="😄", level=5, valence=0.9, energy=0.6),
)

COLLECTION = Collection(name="moods", path="/api/moods", label="Moods", key=("id",), kinds={"": Mood}, most=MOST)
