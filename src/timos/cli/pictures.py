"""How documents look in a terminal; pure, so that it can be read without a server."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, tzinfo

from rich.cells import cell_len
from rich.text import Text

from timos.cli.answers import Document, Entry, view
from timos.cli.days import days_of
from timos.cli.loop import (
    Correction,
    Habit,
    HabitStreak,
    HabitToday,
    MoodLog,
    Pillar,
    Recap,
    Schedule,
    Scores,
    Tick,
    Today,
    Week,
    WeekScore,
)
from timos.cli.names import named
from timos.cli.output import QUIET, printable

_LINE = 72  # characters of an entry in a list
_FACES = {1: "heavy", 2: "low", 3: "even", 4: "good", 5: "bright"}
_DONE, _SKIPPED, _OPEN = "✓", "–", "·"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAY_SETS = {(1, 2, 3, 4, 5): "weekdays", (6, 7): "weekends", (1, 2, 3, 4, 5, 6, 7): "every day"}
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
    """The day in the order it is lived: pulse, habits that were ticked, entry, notes, evening, scores."""
    yield from _day(shown, [one for one in shown.habits if one.tick])


def today_lines(shown: Today) -> Iterator[Text]:
    """The day as it stands, with what is still to do and what was in other weeks and years."""
    yield from _day(shown, [one for one in shown.habits if one.tick or one.is_due])
    if shown.week and shown.week.carried:
        yield from _titled("Course corrections", [Text(f"· {_line(one.text)}") for one in shown.week.carried])
    if shown.on_this_day:
        yield from _titled("On this day", [month_line(doc.id, view(doc.document, Entry)) for doc in shown.on_this_day])


def _day(shown: Today, habits: Sequence[HabitToday]) -> Iterator[Text]:
    day = date.fromisoformat(shown.day)
    yield Text(f"{day:%A}, {_dated(day)}", style="bold")
    if shown.morning:
        yield from _section("Morning pulse", _pulse(shown.morning.document))
    if habits:
        yield from _titled("Habits", [habit_line(one) for one in habits])
    if shown.entry:
        yield from _entry(view(shown.entry.document, Entry))
    if shown.evening:
        yield from _section("Evening", _facts(shown.evening.document, _EVENING))
    if scores := _scores(shown):
        yield from _section("Pillars", scores)
    if not (shown.morning or shown.entry or shown.evening):
        yield Text("Nothing is written yet. Begin with: timos write", style=QUIET)


def month_line(day: str, entry: Entry) -> Text:
    """Date, weekday and how the entry begins; one line each, so that it can be piped."""
    begin = _line(entry.title or entry.body or "")
    text = begin if len(begin) <= _LINE else f"{begin[: _LINE - 1]}…"
    return Text.assemble((day, "bold"), f"  {date.fromisoformat(day):%a}  ", text)


def habit_line(one: HabitToday, *, is_schedule_shown: bool = False) -> Text:
    """A tick, the name, and what the tick alone does not say."""
    said = [schedule_words(one.habit.schedule)] if is_schedule_shown else []
    if one.tick and one.tick.skipped:
        said.append("skipped")
    elif one.habit.kind != "check":
        said.append(amount(one.habit, one.tick or Tick(0)))
    elif not one.is_due and not one.tick:
        said.append("not today")
    if one.tick and one.tick.note:
        said.append(_line(one.tick.note))
    return Text.assemble(f"{_mark(one)} {_line(one.habit.name)}", (f"  {', '.join(said)}" if said else "", QUIET))


def amount(habit: Habit, tick: Tick) -> str:
    """So much of the target, with the unit."""
    return _line(f"{tick.value:g} of {habit.target:g} {habit.unit or ('minutes' if habit.kind == 'minutes' else '')}")


def schedule_words(schedule: Schedule) -> str:
    """When a habit is due, as one says it."""
    if schedule.every == "week":
        return f"{schedule.times} × a week"
    if schedule.every != "weekdays":
        return "every day"
    return _WEEKDAY_SETS.get(schedule.days) or " ".join(_WEEKDAYS[day - 1] for day in schedule.days)


def streak_lines(streaks: Sequence[HabitStreak], weekly: Collection[str]) -> Iterator[Text]:
    """`weekly` are the ids of habits that count weeks. What is nothing is not said: nobody is scolded."""
    width = max((cell_len(_line(one.name)) for one in streaks), default=0)
    for one in streaks:
        said = [_span(one.current, is_weeks=one.id in weekly)] if one.current else []
        said += [f"best {one.best}"] if one.best > one.current else []
        said += [f"{one.done} of {one.due}"] if one.due else []
        name = _line(one.name)
        yield Text(f"{name}{' ' * (width - cell_len(name))}  {', '.join(said)}".rstrip())


def pillar_line(pillar: Pillar) -> Text:
    """Name and purpose on one line."""
    return Text.assemble((_line(pillar.name), "bold"), f"  {_line(pillar.purpose)}" if pillar.purpose else "")


def mood_lines(logs: Sequence[MoodLog], names: Mapping[str, str], zone: tzinfo | None) -> Iterator[Text]:
    """In the writer's time zone; None is the machine's own."""
    for log in logs:
        tags = " ".join(f"#{_line(tag)}" for tag in log.tags)
        said = "  ".join(part for part in (_line(names.get(log.mood, "a mood that is gone")), _line(log.note)) if part)
        yield Text.assemble((f"{log.at.astimezone(zone):%H:%M}", "bold"), f"  {said}", (f"  {tags}" if tags else "", QUIET))


def week_lines(shown: Week, before: Sequence[Correction], names: Mapping[str, str]) -> Iterator[Text]:
    """`before` is the course corrections of the week before, numbered as `--done` takes it; `names` are those of the pillars."""
    recap = view(shown.recap.document, Recap) if shown.recap else Recap()
    first, last = days_of(shown.week)
    yield Text(f"{shown.week}, from {_dated(first)} to {_dated(last)}", style="bold")
    if before:
        yield from _titled("Course corrections for this week", [Text(f"{at}. {_correction(one)}") for at, one in enumerate(before, 1)])
    if scores := recap.pillar_scores if recap.completed_at else shown.scores:
        yield from _section("Pillars", [_week_score(names.get(pillar, "a pillar that is gone"), one) for pillar, one in scores.items()])
    for title, texts in (("Highlights", recap.highlights), ("Patterns", recap.patterns)):
        if texts:
            yield from _titled(title, [Text(f"· {_line(text)}") for text in texts])
    if recap.reflection:
        yield from _titled("Looking back", [Text(printable(recap.reflection))])
    if recap.corrections:
        yield from _titled("Course corrections for next week", [Text(_correction(one)) for one in recap.corrections])
    yield Text()
    yield Text(_state(shown, recap), style=QUIET)


def _state(shown: Week, recap: Recap) -> str:
    if shown.recap is None:
        return "No recap is written yet. Begin with: timos week write --highlight TEXT"
    return "Closed." if recap.completed_at else f"Open. Close it with: timos week complete {shown.week}"


def _correction(one: Correction) -> str:
    return f"{_DONE if one.done else _OPEN} {_line(one.text)}"


def _week_score(name: str, score: WeekScore) -> tuple[str, str]:
    return _line(name), f"{score.mean:.1f} ({_span(score.days, is_weeks=False)})"


def _scores(shown: Today) -> list[tuple[str, str]]:
    """In the order of the pillars; those that are archived are left out."""
    scores = view(shown.scores.document, Scores).scores if shown.scores else {}
    found = [(pillar.name, scores[pillar.id]) for pillar in named(shown.pillars) if pillar.id in scores]
    return [(_line(name), f"{one.value}{f', {_line(one.note)}' if one.note else ''}") for name, one in found]


def _mark(one: HabitToday) -> str:
    if one.tick is None:
        return _OPEN
    if one.tick.skipped:
        return _SKIPPED
    return _DONE if one.tick.value >= one.habit.target else _OPEN


def _span(count: int, *, is_weeks: bool) -> str:
    return f"{count} {'week' if is_weeks else 'day'}{'' if count == 1 else 's'}"


def _dated(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _line(text: str) -> str:
    """On one line, whatever was written."""
    return " ".join(printable(text).split())


def _titled(title: str, lines: Sequence[Text]) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    yield from lines


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
    yield from _titled(title, [Text.assemble((f"{label}: ", QUIET), value) for label, value in facts])
