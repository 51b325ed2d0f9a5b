"""Commands about pillars: the few things a life stands on."""

import shlex
from typing import Annotated

import msgspec
import typer

from timos.cli.answers import view
from timos.cli.client import connect
from timos.cli.days import day_of
from timos.cli.loop import Pillar, Score, Scores, Today
from timos.cli.names import Shelf, named
from timos.cli.options import ArchivedOption, DayOption, InsecureOption, JsonOption, NameArgument, ServerOption
from timos.cli.output import out, print_json, say
from timos.cli.pictures import pillar_line

PILLARS = Shelf("/api/pillars", "pillar")


def add_to(app: typer.Typer) -> None:
    """Adds `pillar` with its commands."""
    group = typer.Typer(help="Pillars: the few things your life stands on.", no_args_is_help=True)
    group.command("list")(list_)
    for command in (add, score, archive, restore):
        group.command()(command)
    app.add_typer(group, name="pillar")


def list_(
    archived: ArchivedOption = False, server: ServerOption = None, insecure: InsecureOption = False, as_json: JsonOption = False
) -> None:
    """List your pillars."""
    with connect(server, is_insecure=insecure) as client:
        if archived:
            PILLARS.show_archived(client, as_json=as_json)
            return
        records = PILLARS.records(client)
    if as_json:
        print_json(msgspec.json.encode({"items": records}))
        return
    for doc in records:
        out().print(pillar_line(view(doc.document, Pillar)))
    if not records:
        say("There is no pillar yet. Make one with: timos pillar add NAME")


def add(
    name: NameArgument,
    purpose: Annotated[str, typer.Option("--purpose", metavar="TEXT", help="What it is for.")] = "",
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Make a pillar."""
    with connect(server, is_insecure=insecure) as client:
        client.create(PILLARS.path, {"name": name, "purpose": purpose})
    say(f"{name}. Score it with: timos pillar score {shlex.quote(name)} 7")


def score(
    name: NameArgument,
    value: Annotated[int, typer.Argument(metavar="VALUE", min=1, max=10, help="1 to 10.")],
    day: DayOption = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; the note that is there stays when left out.")] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Score how a pillar did on a day."""
    with connect(server, is_insecure=insecure) as client:
        on = day_of(day, client).isoformat()
        today = client.get("/api/today", {"day": on}).read(Today)
        pillar = PILLARS.pick(name, named(today.pillars), client)
        scores = view(today.scores.document, Scores).scores if today.scores else {}
        before = scores[pillar.id].note if pillar.id in scores else ""
        written = Score(value, before if note is None else note)
        client.put(f"{PILLARS.path}/scores/{on}", {"scores": {pillar.id: written}}, etag=None)
    say(f"{pillar.name}: {value} of 10 on {on}, encrypted.")


def archive(name: NameArgument, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Put a pillar away; its history stays."""
    with connect(server, is_insecure=insecure) as client:
        say(f"{PILLARS.archive(client, name)} is archived.")


def restore(name: NameArgument, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Bring an archived pillar back."""
    with connect(server, is_insecure=insecure) as client:
        say(f"{PILLARS.restore(client, name)} is back.")
