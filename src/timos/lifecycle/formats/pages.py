"""A day as Markdown, for people: what was written, in the order of the day, without any markup of ours that they must know."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.record import Collection, Document

Part = tuple[Collection, Document]

_HIDDEN = {"day", "week", "id", "at", "source", "completed", "completed_at"}  # said by the heading, or of no use; the JSON has them


def markdown(day: str, parts: Sequence[Part], names: Mapping[str, str]) -> str:
    """The page of a day; empty fields are left out, and what is pointed at by id stands there by its name (`names`)."""
    lines = [f"# {date.fromisoformat(day):%A}, {day}", ""]
    for collection, document in parts:
        lines += _entry(document, names) if isinstance(document, DailyEntry) else _fields(collection, document, names)
    return "\n".join(lines).rstrip() + "\n"


def _entry(entry: DailyEntry, names: Mapping[str, str]) -> Iterator[str]:
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
        name = names.get(link.pillar, link.pillar)
        yield f"- {name}: {link.note}" if link.note else f"- {name}"
    if entry.pillars:
        yield ""
    about = [f"Tags: {', '.join(entry.tags)}" if entry.tags else "", f"Place: {entry.place}" if entry.place else ""]
    about.append(f"Weather: {entry.weather}" if entry.weather else "")
    if any(about):
        yield from (*(line for line in about if line), "")


def _fields(collection: Collection, document: Document, names: Mapping[str, str]) -> Iterator[str]:
    lines = [f"- {name.replace('_', ' ').capitalize()}: {text}" for name, text in _said(document, names)]
    if lines:
        yield from (f"## {document.key_kind.capitalize() or collection.label}", "", *lines, "")


def _said(struct: msgspec.Struct, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in msgspec.structs.asdict(struct).items():
        if name not in _HIDDEN and value not in (None, "", (), {}, False):
            yield name, _text(value, names)


def _text(value: object, names: Mapping[str, str]) -> str:
    match value:
        case tuple():
            return "; ".join(_text(one, names) for one in value)
        case dict():
            return "; ".join(f"{names.get(key, key)} {_text(one, names)}" for key, one in value.items())
        case msgspec.Struct():
            return ", ".join(text for _, text in _said(value, names))
        case str():
            return names.get(value, value)
        case bool():
            return "yes"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
