"""Commands about habits: list, tick, look back."""

import shlex
from datetime import date
from typing import Annotated

import typer

from timos.cli.answers import members, view
from timos.cli.client import Client, connect
from timos.cli.days import day_of
from timos.cli.loop import Habit, HabitToday, Schedule, Streaks, Tick, Today
from timos.cli.names import Named, Shelf
from timos.cli.options import ArchivedOption, DayOption, InsecureOption, JsonOption, NameArgument, ServerOption
from timos.cli.output import left_out, out, print_json, say
from timos.cli.pictures import amount, habit_line, schedule_words, streak_lines

HABITS = Shelf("/api/habits", "habit")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST = 2  # letters of a weekday that tell it from the others
_WEEK = 7  # days
_WORDS = {"day": Schedule("day"), "weekdays": Schedule("weekdays", (1, 2, 3, 4, 5)), "weekends": Schedule("weekdays", (6, 7))}


def add_to(app: typer.Typer) -> None:
    """Adds `habit` with its commands."""
    group = typer.Typer(help="Habits: what you want to do again and again.", no_args_is_help=True)
    group.command("list")(list_)
    for command in (add, done, undo, streaks, archive, restore):
        group.command()(command)
    app.add_typer(group, name="habit")


def list_(
    day: DayOption = None,
    archived: ArchivedOption = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """List your habits and how they stand today."""
    with connect(server, is_insecure=insecure) as client:
        if archived:
            HABITS.show_archived(client, as_json=as_json)
            return
        reply = client.get("/api/today", {"day": day_of(day, client).isoformat()})
    if as_json:
        print_json(members(reply.raw, "day", "habits", "unreadable_parts"))
        return
    shown = reply.read(Today)
    habits = shown.habits
    left_out({"habits"}.intersection(shown.unreadable_parts))
    for one in habits:
        out().print(habit_line(one, is_schedule_shown=True))
    if not habits:
        say("There is no habit yet. Make one with: timos habit add NAME")


def add(
    name: NameArgument,
    every: Annotated[str, typer.Option("--every", metavar="WHEN", help="day, weekdays, weekends, days as mon,thu, or week:3.")] = "day",
    target: Annotated[float | None, typer.Option("--target", min=0, help="What a day needs, when a tick is not enough.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="WORD", help="What the target counts: pages, minutes.")] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Make a habit."""
    schedule = schedule_of(every)
    body: dict[str, object] = {"name": name, "schedule": schedule, "kind": _kind(target, unit)}
    body |= {key: value for key, value in (("target", target), ("unit", unit)) if value is not None}
    with connect(server, is_insecure=insecure) as client:
        client.create(HABITS.path, body)
    say(f"{name}, {schedule_words(schedule)}. Tick it with: timos habit done {shlex.quote(name)}")


def done(
    name: NameArgument,
    day: DayOption = None,
    value: Annotated[
        float | None, typer.Option("--value", min=0, help="How much, where the habit has a target; the target when left out.")
    ] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Leave it out on purpose: the day neither counts nor breaks.")] = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Tick a habit."""
    if skip and value is not None:
        raise typer.BadParameter("Give --value or --skip, not both.")
    with connect(server, is_insecure=insecure) as client:
        on, found, _ = _find(client, name, day)
        tick = Tick(
            value=0 if skip else found.habit.target if value is None else value,
            skipped=skip,
            note=found.tick.note if found.tick else "",  # what is written replaces what was noted, and a note is not said again
        )
        client.put(_address(found, on), tick, etag=None)
    say(f"{found.habit.name}: {_told(found.habit, tick)} on {on}, encrypted.")


def undo(name: NameArgument, day: DayOption = None, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Take back what was noted for a habit."""
    with connect(server, is_insecure=insecure) as client:
        on, found, is_lost = _find(client, name, day)
        if found.tick is not None or is_lost:  # which the server refuses, and says so
            client.delete(_address(found, on))
    say(f"{found.habit.name}: nothing is noted on {on}.")


def streaks(server: ServerOption = None, insecure: InsecureOption = False, as_json: JsonOption = False) -> None:
    """How your habits went of late; a missed day now and then does not matter."""
    with connect(server, is_insecure=insecure) as client:
        reply = client.get("/api/habits/streaks", {"day": day_of(None, client).isoformat()})
        if as_json:
            print_json(reply.raw)
            return
        weekly = {doc.id for doc in HABITS.records(client) if view(doc.document, Habit).schedule.every == "week"}
    shown = reply.read(Streaks)
    left_out(shown.unreadable_days)
    found = shown.habits
    for line in streak_lines(found, weekly):
        out().print(line)
    if not found:
        say("There is no habit yet. Make one with: timos habit add NAME")


def archive(name: NameArgument, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Put a habit away; its history stays."""
    with connect(server, is_insecure=insecure) as client:
        say(f"{HABITS.archive(client, name)} is archived.")


def restore(name: NameArgument, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Bring an archived habit back."""
    with connect(server, is_insecure=insecure) as client:
        say(f"{HABITS.restore(client, name)} is back.")


def schedule_of(text: str) -> Schedule:
    """What `--every` means.

    Raises: typer.BadParameter for what is no schedule.
    """
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    kind, _, times = word.partition(":")
    if kind == "week" and times.isascii() and times.isdigit() and 1 <= int(times) <= _WEEK:
        return Schedule("week", times=int(times))
    days = [_weekday(part.strip()) for part in word.split(",")]
    if None in days:
        raise typer.BadParameter("Write --every as day, weekdays, weekends, mon,thu or week:3.", param_hint="--every")
    return Schedule("weekdays", tuple(sorted({day for day in days if day is not None})))


def _weekday(text: str) -> int | None:
    found = [at for at, name in enumerate(_WEEKDAYS, 1) if name.startswith(text)]
    return found[0] if len(text) >= _SHORTEST and found else None


def _kind(target: float | None, unit: str | None) -> str:
    if target is None:
        return "check"
    return "minutes" if unit in {"min", "minute", "minutes"} else "count"


def _find(client: Client, name: str, day: str | None) -> tuple[date, HabitToday, bool]:
    """The habit that is meant, as it stands on the day, and whether what was noted on that day does not open."""
    on = day_of(day, client)
    today = client.get("/api/today", {"day": on.isoformat()}).read(Today)
    found = HABITS.pick(name, [Named(one.id, one.habit.name) for one in today.habits], client)
    return on, next(one for one in today.habits if one.id == found.id), "habits" in today.unreadable_parts


def _address(found: HabitToday, on: date) -> str:
    return f"{HABITS.path}/{found.id}/days/{on.isoformat()}"


def _told(habit: Habit, tick: Tick) -> str:
    if tick.skipped:
        return "skipped"
    return "done" if habit.kind == "check" else amount(habit, tick)
