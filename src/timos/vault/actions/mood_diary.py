"""Logging moods: appended on the server, at their place in the day."""

from datetime import date, datetime

import msgspec

from timos.kernel.errors import ConflictError, NotFoundError
from timos.kernel.ids import ID_BYTES, Randomness, text_of
from timos.vault.actions import references, whole_days
from timos.vault.actions.whole_days import Days
from timos.vault.collections import mood_logs
from timos.vault.collections.mood_logs import Id, LogText, MoodDay, MoodLog, Tags, with_log
from timos.vault.record import Document
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Stored, Written
from timos.vault.store.vault import Vault


class NewMoodLog(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`day` is the user's calendar day; without it the day is that of `at` in the user's time zone."""

    mood: Id
    day: date | None = None
    at: datetime | None = None
    note: LogText = ""
    tags: Tags = ()
    pillar: Id | None = None


async def append(vault: Vault, day: date, new: NewMoodLog, *, at: datetime, random: Randomness, idempotency_key: str | None) -> Written:
    """The same `idempotency_key` again adds nothing.

    Raises:
        InputError: a mood or pillar that is not there, or a day that is full.
        ConflictError: that key came before with another mood.
    """
    collection = mood_logs.COLLECTION
    log_id = vault.derived_id(collection, "log", idempotency_key) if idempotency_key else text_of(random(ID_BYTES))
    log = MoodLog(id=log_id, at=at, mood=new.mood, note=new.note, tags=new.tags, pillar=new.pillar)
    await references.check(vault, MoodDay(day=day, logs=(log,)), None)

    def edit(stored: Stored | None) -> Document:
        known = msgspec.json.decode(stored.raw, type=MoodDay) if stored else MoodDay(day=day)
        same = next((one for one in known.logs if one.id == log_id), None)
        if same is None:
            return with_log(known, log)
        if (same.mood, same.note) != (log.mood, log.note):
            message = "This Idempotency-Key was used for another mood."
            raise ConflictError(message)
        return known

    return await vault.change(collection, (day.isoformat(),), edit)


async def take_back(vault: Vault, day: date, log_id: str) -> Written:
    """Raises:
    NotFoundError: no mood of that day has this id.
    """

    def edit(stored: Stored | None) -> Document:
        known = msgspec.json.decode(stored.raw, type=MoodDay) if stored else MoodDay(day=day)
        logs = tuple(log for log in known.logs if log.id != log_id)
        if len(logs) == len(known.logs):
            raise NotFoundError
        return msgspec.structs.replace(known, logs=logs)

    return await vault.change(mood_logs.COLLECTION, (day.isoformat(),), edit)


async def between(vault: Reader, first: date, last: date) -> Days[MoodDay]:
    """In the order of days; the moods of each are in the order of time."""
    return await whole_days.between(vault, mood_logs.COLLECTION, MoodDay, first, last)
