"""How a day began and how it ended: the morning pulse and the evening reflection."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec

from timos.vault.record import KIB, Collection, DayDocument

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
Degree = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Emotion = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Emotions = Annotated[tuple[Emotion, ...], msgspec.Meta(max_length=20)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Lines = Annotated[tuple[Line, ...], msgspec.Meta(max_length=30)]
Text = Annotated[str, msgspec.Meta(max_length=16 * KIB)]


class Morning(DayDocument, frozen=True, kw_only=True, tag_field="kind", tag="morning"):
    """The morning pulse. Valence and energy run from -1 to 1; nothing is required."""

    key_kind: ClassVar[str] = "morning"
    mental_state: Level | None = None
    strongest_emotion: Emotion | None = None
    emotions: Emotions = ()
    valence: Degree | None = None
    energy: Degree | None = None
    avoiding: Text = ""
    sleep_hours: Annotated[float, msgspec.Meta(ge=0, le=24)] | None = None
    note: Text = ""

    def texts(self) -> Iterator[str]:
        yield self.strongest_emotion or ""
        yield self.avoiding
        yield self.note
        yield from self.emotions


class Evening(DayDocument, frozen=True, kw_only=True, tag_field="kind", tag="evening"):
    """The evening reflection. `pressure_or_purpose` runs from -2 (pressure) to 2 (purpose)."""

    key_kind: ClassVar[str] = "evening"
    energy_givers: Lines = ()
    energy_drainers: Lines = ()
    pressure_or_purpose: Annotated[int, msgspec.Meta(ge=-2, le=2)] | None = None
    honest_note: Text = ""
    emotions: Emotions = ()

    def texts(self) -> Iterator[str]:
        yield from self.energy_givers
        yield from self.energy_drainers
        yield self.honest_note
        yield from self.emotions


COLLECTION = Collection(
    name="feels_entries",
    path="/api/feels",
    label="Pulse and reflection",
    key=("day", "kind"),
    kinds={"morning": Morning, "evening": Evening},
)
