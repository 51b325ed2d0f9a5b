"""Commands that read the journal: today, a day, a month, a search."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from timos.cli.answers import Entry, Found, Page, view
from timos.cli.client import Client, connect
from timos.cli.days import day_of, last_writable, parse_day, parse_month
from timos.cli.loop import Today
from timos.cli.options import InsecureOption, JsonOption, ServerOption
from timos.cli.output import QUIET, hint, left_out, out, print_json, say, snippet
from timos.cli.pictures import day_lines, month_line, today_lines
from timos.kernel.clock import SystemClock

_PAGE = 100  # documents, the most the server gives at once


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (today, day, month, search):
        app.command()(command)


def today(server: ServerOption = None, insecure: InsecureOption = False, as_json: JsonOption = False) -> None:
    """Show today: what is written, your habits, the course corrections of last week, and this day in other years."""
    with connect(server, is_insecure=insecure) as client:
        _show_day(client, "today", today_lines, as_json=as_json)


def day(
    date: Annotated[str, typer.Argument(metavar="DATE", help="YYYY-MM-DD, today or yesterday.")],
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is written on one day."""
    with connect(server, is_insecure=insecure) as client:
        _show_day(client, date, day_lines, as_json=as_json)


def month(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM.")],
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the entries of a month."""
    first, last = parse_month(month)
    last = min(last, last_writable(SystemClock()))
    with connect(server, is_insecure=insecure) as client:
        pages = list(_pages(client, first.isoformat(), last.isoformat())) if first <= last else []
    entries = [doc for page in pages for doc in page.items]
    unreadable = [key for page in pages for key in page.unreadable]
    if unreadable:
        hint(f"timos: {', '.join(unreadable)}: stored, but does not open. Tell the operator of the server.")
    if as_json:
        print_json(msgspec.json.encode({"month": month, "items": entries, "unreadable": unreadable}))
        return
    for doc in entries:
        out().print(month_line(doc.id, view(doc.document, Entry)))
    if not entries:
        say(f"Nothing is written in {month}.")


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help='Words that must all occur, "a phrase", or a prefix*.')],
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, YYYY-MM-DD.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_PAGE, help="The most hits to show.")] = 20,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search everything you wrote."""
    body: dict[str, object] = {"query": query, "limit": limit}
    body |= {name: parse_day(text).isoformat() for name, text in (("from", since), ("to", until)) if text}
    with connect(server, is_insecure=insecure) as client:
        reply = client.post("/api/search", body)
    found = reply.read(Found)
    if found.unreadable:
        hint(f"timos: {found.unreadable} records do not open and were not searched. Tell the operator of the server.")
    if as_json:
        print_json(reply.raw)
        return
    _show_hits(found)


def _show_day(client: Client, text: str, lines: Callable[[Today], Iterable[Text]], *, as_json: bool) -> None:
    reply = client.get("/api/today", {"day": day_of(text, client).isoformat()})
    if as_json:
        print_json(reply.raw)
        return
    today = reply.read(Today)
    left_out(today.unreadable_parts)
    for line in lines(today):
        out().print(line)


def _show_hits(found: Found) -> None:
    console = out()
    for hit in found.hits:
        console.print(f"{hit.day or hit.id}  {hit.collection}", style="bold")
        for pieces in hit.snippets:
            console.print("  ", snippet(pieces, is_terminal=console.is_terminal), sep="")
    console.print(f"{len(found.hits)} of {found.total} found in {found.searched} records.", style=QUIET)


def _pages(client: Client, first: str, last: str) -> Iterator[Page]:
    cursor: str | None = None
    while True:
        page = client.get("/api/entries", {"from": first, "to": last, "limit": _PAGE, "cursor": cursor}).read(Page)
        yield page
        cursor = page.next
        if cursor is None:
            return
