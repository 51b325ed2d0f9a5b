"""How documents look in a terminal; pure, so that it can be read without a server."""

from collections.abc import Iterator
from datetime import date

from rich.text import Text

from timos.cli.answers import Document, Entry, Today, view
from timos.cli.output import QUIET, printable

_LINE = 72  # characters of an entry in a list
_FACES = {1: "heavy", 2: "low", 3: "even", 4: "good", 5: "bright"}
_MORNING = {
    "strongest_emotion": "strongest",
    "emotions": "feeling",
    "valence": "valence",
    "energy": "energy",
    "avoiding": "avoiding",
    "sleep_hours": "hours slept",
    "note": "note",
}
_EVENING = {
    "energy_givers": "gave energy",
    "energy_drainers": "drained it",
    "pressure_or_purpose": "pressure or purpose",
    "honest_note": "honest note",
    "emotions": "feeling",
}


def day_lines(shown: Today) -> Iterator[Text]:
    """The day in the order it is lived: pulse, entry, notes, evening."""
    day = date.fromisoformat(shown.day)
    yield Text(f"{day:%A}, {day.day} {day:%B %Y}", style="bold")
    if shown.morning:
        yield from _section("Morning pulse", _pulse(shown.morning.document))
    if shown.entry:
        yield from _entry(view(shown.entry.document, Entry))
    if shown.evening:
        yield from _section("Evening", _facts(shown.evening.document, _EVENING))
    if not (shown.morning or shown.entry or shown.evening):
        yield Text("Nothing is written yet. Begin with: timos write", style=QUIET)


def month_line(day: str, entry: Entry) -> Text:
    """Date, weekday and how the entry begins; one line each, so that it can be piped."""
    begin = " ".join(printable(entry.title or entry.body or "").split())
    text = begin if len(begin) <= _LINE else f"{begin[: _LINE - 1]}…"
    return Text.assemble((day, "bold"), f"  {date.fromisoformat(day):%a}  ", text)


def _entry(entry: Entry) -> Iterator[Text]:
    yield Text()
    if entry.title:
        yield Text(printable(entry.title), style="bold")
    if entry.body:
        yield Text(printable(entry.body))
    if entry.tags:
        yield Text(" ".join(f"#{printable(tag)}" for tag in entry.tags), style=QUIET)
    for note in entry.notes:
        mood = f" ({printable(note.mood)})" if note.mood else ""
        yield Text.assemble("· ", printable(note.text), mood)


def _pulse(document: Document) -> list[tuple[str, str]]:
    state = document.get("mental_state")
    named = [("mind", f"{state} of 5, {_FACES[state]}")] if isinstance(state, int) and state in _FACES else []
    return named + _facts(document, _MORNING)


def _facts(document: Document, labels: dict[str, str]) -> list[tuple[str, str]]:
    """Labels and values of the members that hold something; zero is something."""
    return [(label, written) for name, label in labels.items() if (written := _written(document.get(name)))]


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(printable(str(item)) for item in value)
    return "" if value is None else printable(str(value))


def _section(title: str, facts: list[tuple[str, str]]) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    for label, value in facts:
        yield Text.assemble((f"{label}: ", QUIET), value)
