"""Pillars: the few things a life stands on, each with a purpose and perhaps a measure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from timos.vault.record import KIB, Collection, NamedDocument

MOST = 50  # of one user, archived ones included


class Pillar(NamedDocument, frozen=True, kw_only=True):
    """`position` orders them; an archived one keeps its history and is no longer offered."""

    purpose: Annotated[str, msgspec.Meta(max_length=16 * KIB)] = ""
    colour: Annotated[str, msgspec.Meta(pattern=r"^(p[1-6]|#[0-9a-f]{6})$")] = "p1"
    icon: Annotated[str, msgspec.Meta(max_length=32)] = ""
    target_text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    target_value: float | None = None
    current_value: float | None = None
    unit: Annotated[str, msgspec.Meta(max_length=32)] = ""
    position: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    archived_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def texts(self) -> Iterator[str]:
        yield self.name
        yield self.purpose
        yield self.target_text


COLLECTION = Collection(name="pillars", path="/api/pillars", label="Pillars", key=("id",), kinds={"": Pillar}, most=MOST)
