"""Commands about moods: log one, see those of the day, make one of your own."""

import shlex
from typing import Annotated

import typer

from timos.cli.client import Client, connect
from timos.cli.days import day_of, moment_of, zone_of
from timos.cli.loop import MoodDiary, SystemMoods
from timos.cli.names import Named, Shelf
from timos.cli.options import DayOption, InsecureOption, JsonOption, NameArgument, ServerOption
from timos.cli.output import left_out, out, print_json, say
from timos.cli.pictures import mood_lines
from timos.cli.shorthand import short_for

MOODS = Shelf("/api/moods", "mood")
_LOG = "/api/moods/log"


def add_to(app: typer.Typer) -> None:
    """Adds `mood` with its commands."""
    group = typer.Typer(cls=short_for("log"), help="Moods: timos mood good logs one, timos mood shows those of today.")
    for command in (log, add):
        group.command()(command)
    app.add_typer(group, name="mood")


def log(
    word: Annotated[str | None, typer.Argument(metavar="WORD", help="The mood or how it begins; left out, the day's are listed.")] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What it is about.")] = "",
    at: Annotated[str | None, typer.Option("--at", metavar="HH:MM", help="When; now when left out.")] = None,
    day: DayOption = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="WORD", help="May be given several times.")] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Log a mood; without WORD list those of the day."""
    if word is None and (note or at or tag):
        raise typer.BadParameter("Say which mood: timos mood WORD.")
    with connect(server, is_insecure=insecure) as client:
        if word is None:
            _show(client, day, as_json=as_json)
            return
        mood = MOODS.pick(word, _known(client), client)
        on, moment = moment_of(at, day, client) if at else (day_of(day, client), None)
        body: dict[str, object] = {"mood": mood.id, "day": on.isoformat(), "note": note, "tags": tag or []}
        raw = client.create(_LOG, body | ({"at": moment} if moment else {})).raw
    if as_json:
        print_json(raw)
    else:
        say(f"{mood.name}, logged on {on}, encrypted.")


def add(
    name: NameArgument,
    level: Annotated[int, typer.Option("--level", min=1, max=5, help="1 awful, 2 low, 3 okay, 4 good, 5 great.")],
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Make a mood of your own."""
    with connect(server, is_insecure=insecure) as client:
        client.create(MOODS.path, {"name": name, "level": level})
    say(f"{name}, level {level} of 5. Log it with: timos mood {shlex.quote(name)}")


def _known(client: Client) -> list[Named]:
    """Own ones first: who makes one that has the name of another means that."""
    return [*MOODS.names(client), *_system(client)]


def _system(client: Client) -> list[Named]:
    return [Named(one.id, one.name) for one in client.get(f"{MOODS.path}/system").read(SystemMoods).items]


def _show(client: Client, day: str | None, *, as_json: bool) -> None:
    on = day_of(day, client).isoformat()
    reply = client.get(_LOG, {"from": on, "to": on})
    if as_json:
        print_json(reply.raw)
        return
    diary = reply.read(MoodDiary)
    left_out(diary.unreadable_days)
    found = diary.items
    names = {one.id: one.name for one in _system(client)} | MOODS.names_by_id(client) if found else {}
    for line in mood_lines([one.log for one in found], names, zone_of(client)):
        out().print(line)
    if not found:
        say("No mood is logged yet. Log one with: timos mood good")
