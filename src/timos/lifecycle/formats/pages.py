"""A day as Markdown, for people: what was written, in the order of the day, without any markup of ours that they must know."""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import Enum

import msgspec

from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.record import Collection, Document

Part = tuple[Collection, Document]

_HIDDEN = {"day", "source", "completed"}  # said by the heading, or of no use to a reader; the JSON has them


def markdown(day: str, parts: Sequence[Part]) -> str:
    """The page of a day; empty fields are left out."""
    lines = [f"# {date.fromisoformat(day):%A}, {day}", ""]
    for collection, document in parts:
        lines += _entry(document) if isinstance(document, DailyEntry) else _fields(collection, document)
    return "\n".join(lines).rstrip() + "\n"


def _entry(entry: DailyEntry) -> Iterator[str]:
    if entry.title:
        yield from (f"## {entry.title}", "")
    if entry.body:
        yield from (entry.body, "")
    for note in entry.notes:
        at = f"{note.at:%H:%M} " if note.at else ""
        yield f"- {at}{note.text}"
    if entry.notes:
        yield ""
    for link in entry.pillars:
        yield f"- {link.pillar}: {link.note}" if link.note else f"- {link.pillar}"
    if entry.pillars:
        yield ""
    about = [f"Tags: {', '.join(entry.tags)}" if entry.tags else "", f"Place: {entry.place}" if entry.place else ""]
    about.append(f"Weather: {entry.weather}" if entry.weather else "")
    if any(about):
        yield from (*(line for line in about if line), "")


def _fields(collection: Collection, document: Document) -> Iterator[str]:
    lines = []
    for name, value in msgspec.structs.asdict(document).items():
        if name in _HIDDEN or value in (None, "", ()):
            continue
        lines.append(f"- {name.replace('_', ' ').capitalize()}: {_text(value)}")
    if lines:
        yield from (f"## {document.kind.capitalize() or collection.label}", "", *lines, "")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(_text(one) for one in value)
    return str(value.value if isinstance(value, Enum) else value)
