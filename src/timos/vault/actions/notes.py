"""Timed notes of a day: appended on the server, so that two devices writing at once lose nothing."""

from datetime import date, datetime

import msgspec

from timos.kernel.errors import ConflictError
from timos.kernel.ids import ID_BYTES, Randomness, text_of
from timos.vault.actions import references
from timos.vault.collections.daily_entries import COLLECTION, DailyEntry, Moment, Note, NoteText, Short, with_note
from timos.vault.record import Document
from timos.vault.store.stored import Stored, Written
from timos.vault.store.vault import Vault


class NewNote(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a client sends; the id is ours, `at` defaults to now."""

    text: NoteText
    at: Moment | None = None
    mood: Short | None = None
    pillar: Short | None = None


async def append(vault: Vault, day: date, new: NewNote, *, now: datetime, random: Randomness, idempotency_key: str | None) -> Written:
    """Add a note to the day. The same `idempotency_key` again adds nothing and gives the same answer.

    Raises:
        InputError: a mood or pillar that is not there, or a day that is full.
        ConflictError: that key came before with another text.
    """
    text = day.isoformat()
    note_id = vault.derived_id(COLLECTION, "note", text, idempotency_key) if idempotency_key else text_of(random(ID_BYTES))
    note = Note(id=note_id, at=new.at or now, text=new.text, mood=new.mood, pillar=new.pillar)
    await references.check(vault, DailyEntry(day=day, notes=(note,)), None)

    def edit(stored: Stored | None) -> Document:
        entry = msgspec.json.decode(stored.raw, type=DailyEntry) if stored else DailyEntry(day=day)
        known = next((old for old in entry.notes if old.id == note_id), None)
        if known is None:
            return with_note(entry, note)
        if (known.text, known.mood, known.pillar) != (note.text, note.mood, note.pillar):
            message = "This Idempotency-Key was used for another note."
            raise ConflictError(message)
        return entry

    return await vault.change(COLLECTION, (text,), edit)
