"""Commands about the week: look back on it, write its recap, close it."""

from typing import Annotated

import typer

from timos.cli.answers import Doc, Document, member, view
from timos.cli.client import Client, connect
from timos.cli.days import day_of, monday_of, parse_week, week_before, week_of
from timos.cli.loop import Correction, Recap, Today, Week
from timos.cli.options import InsecureOption, JsonOption, ServerOption
from timos.cli.output import left_out, out, print_json, say
from timos.cli.pictures import week_lines
from timos.cli.pillars import PILLARS
from timos.cli.shorthand import short_for

_PATH = "/api/weekly"

WeekArgument = Annotated[str | None, typer.Argument(metavar="WEEK", help="YYYY-Www, this or last; this week when left out.")]


def add_to(app: typer.Typer) -> None:
    """Adds `week` with its commands."""
    group = typer.Typer(cls=short_for("show"), help="The week: timos week shows it, timos week write writes its recap.")
    for command in (show, write, complete):
        group.command()(command)
    app.add_typer(group, name="week")


def show(week: WeekArgument = None, server: ServerOption = None, insecure: InsecureOption = False, as_json: JsonOption = False) -> None:
    """Show a week: its recap, its scores, and the course corrections of the week before."""
    with connect(server, is_insecure=insecure) as client:
        today = day_of(None, client)
        wanted = parse_week(week or "this", today)
        # what Today says of the week, on any day of it that has come already
        day = today if wanted == week_of(today) else monday_of(wanted)
        reply = client.get("/api/today", {"day": day.isoformat()})
        if as_json:
            print_json(member(reply.raw, "week"))
            return
        shown = reply.read(Today).week or Week(wanted)
        before = _corrections(_stored(client, week_before(wanted)))
        names = PILLARS.names_by_id(client)
    left_out(shown.unreadable_days)
    for line in week_lines(shown, before, names):
        out().print(line)


def write(
    week: WeekArgument = None,
    highlight: Annotated[list[str] | None, typer.Option("--highlight", metavar="TEXT", help="What stood out; may be repeated.")] = None,
    correct: Annotated[
        list[str] | None, typer.Option("--correct", metavar="TEXT", help="What to do otherwise next week; may be repeated.")
    ] = None,
    reflect: Annotated[str | None, typer.Option("--reflect", metavar="TEXT", help="Looking back; added below what is there.")] = None,
    done: Annotated[
        list[int] | None,
        typer.Option("--done", metavar="N", min=1, help="A course correction for this week that is done, by its number."),
    ] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Write a week's recap: what you give is added to what is there."""
    if not (highlight or correct or reflect or done):
        raise typer.BadParameter("Say something: timos week write --help lists what.")
    with connect(server, is_insecure=insecure) as client:
        wanted = _week(client, week)
        if done:
            _mark_done(client, week_before(wanted), done)
        if highlight or correct or reflect:
            _save(client, wanted, _added(_stored(client, wanted), highlight or [], correct or [], reflect or ""))
    say(f"Saved {wanted}, encrypted.")


def complete(week: WeekArgument = None, server: ServerOption = None, insecure: InsecureOption = False) -> None:
    """Close a week's recap with the scores as they stand."""
    with connect(server, is_insecure=insecure) as client:
        wanted = _week(client, week)
        client.post(f"{_PATH}/{wanted}/complete")
    say(f"{wanted} is closed. Its course corrections show up in the week after.")


def _week(client: Client, week: str | None) -> str:
    return parse_week(week or "this", day_of(None, client))


def _stored(client: Client, week: str) -> Doc | None:
    reply = client.find(f"{_PATH}/{week}")
    return None if reply is None else reply.read(Doc)


def _save(client: Client, week: str, changed: tuple[Document, str | None]) -> None:
    document, etag = changed
    client.put(f"{_PATH}/{week}", document, etag=etag)


def _corrections(stored: Doc | None) -> tuple[Correction, ...]:
    return view(stored.document, Recap).corrections if stored else ()


def _added(stored: Doc | None, highlights: list[str], corrections: list[str], reflection: str) -> tuple[Document, str | None]:
    before = view(stored.document, Recap) if stored else Recap()
    document: Document = dict(stored.document) if stored else {}
    document["highlights"] = list(dict.fromkeys([*before.highlights, *highlights]))
    known = {one.text for one in before.corrections}
    document["corrections"] = [*before.corrections, *(Correction(text) for text in dict.fromkeys(corrections) if text not in known)]
    document["reflection"] = "\n\n".join(text for text in (before.reflection.rstrip(), reflection) if text)
    return document, stored.etag if stored else None


def _mark_done(client: Client, week: str, numbers: list[int]) -> None:
    stored = _stored(client, week)
    before = _corrections(stored)
    if stored is None or max(numbers) > len(before):
        raise typer.BadParameter(f"{week} left {len(before)} course corrections. timos week numbers them.", param_hint="--done")
    corrections = [Correction(one.text, one.done or at in numbers) for at, one in enumerate(before, 1)]
    _save(client, week, (stored.document | {"corrections": corrections}, stored.etag))
