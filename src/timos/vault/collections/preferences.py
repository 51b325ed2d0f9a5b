"""The one document of preferences: how a user's days and weeks are counted, and how the journal speaks to them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from timos.kernel.errors import InputError
from timos.vault.record import Collection, Document

Prompt = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Preferences(Document, frozen=True, kw_only=True):
    """`day_ends_at_hour` is the local hour until which a night still belongs to the day before."""

    time_zone: Annotated[str, msgspec.Meta(max_length=64)] = "UTC"
    day_ends_at_hour: Annotated[int, msgspec.Meta(ge=0, le=12)] = 3
    week_start: Literal["monday", "saturday", "sunday"] = "monday"
    locale: Annotated[str, msgspec.Meta(max_length=35, pattern=r"^$|^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] = ""
    prompts: Annotated[tuple[Prompt, ...], msgspec.Meta(max_length=50)] = ()
    streak_style: Literal["forgiving", "plain", "hidden"] = "forgiving"

    def texts(self) -> Iterator[str]:
        yield from self.prompts

    def check(self) -> None:
        """Raises:
        InputError: the time zone is none that exists.
        """
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):  # unknown; not a key at all; a folder of the database
            message = "This is not a time zone of the IANA database, such as Europe/Zurich."
            raise InputError(message, path="$.time_zone") from None


COLLECTION = Collection(
    name="preferences",
    path="/api/preferences",
    label="Preferences",
    key=(),
    kinds={"": Preferences},
)


def day_at(preferences: Preferences, at: datetime) -> date:
    """The user's calendar day at an instant: until `day_ends_at_hour` a night belongs to the day before.

    Counted on the wall clock, not in elapsed hours: when clocks change, a day still ends at the user's hour.
    """
    local = at.astimezone(ZoneInfo(preferences.time_zone))
    return local.date() - timedelta(days=1) if local.hour < preferences.day_ends_at_hour else local.date()
