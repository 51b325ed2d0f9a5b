"""Commands that write the journal. Nothing stored is overwritten unseen, and nothing typed is dropped unasked."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from timos.cli import ask
from timos.cli.answers import Doc, Document, decode
from timos.cli.client import Client, connect
from timos.cli.days import day_of
from timos.cli.editor import edit
from timos.cli.options import DayOption, FileOption, InsecureOption, ServerOption
from timos.cli.output import hint, report, say
from timos.kernel.errors import PreconditionError, TimosError
from timos.kernel.ids import ID_BYTES, text_of

_ENTRY_LIMIT = 1 << 20  # bytes of an entry's body, as the server has it; a larger file is read no further

TextArgument = Annotated[str | None, typer.Argument(metavar="TEXT", help="The text; your editor opens when it is left out.")]
EmotionOption = Annotated[list[str] | None, typer.Option("--emotion", metavar="WORD", help="May be given several times.")]


def add_to(app: typer.Typer) -> None:
    """Adds `write` with one command for each part of the day."""
    group = typer.Typer(no_args_is_help=False)
    group.callback(invoke_without_command=True)(write)
    for command in (entry, note, morning, evening):
        group.command()(command)
    app.add_typer(group, name="write")


def write(context: typer.Context) -> None:
    """Write in the journal; alone it opens today's entry in your editor."""
    if context.invoked_subcommand is None:
        entry()


def entry(
    text: TextArgument = None,
    day: DayOption = None,
    title: Annotated[str | None, typer.Option("--title", help="The entry's title.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="WORD", help="Adds a tag; may be given several times.")] = None,
    file: FileOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put TEXT in place of what is there; otherwise it is added below.")] = False,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Write the day's entry: TEXT or FILE is added below what is there, the editor shows all of it."""
    is_text_wanted = text is not None or file is not None or (title is None and not tag)
    given = _given(text, file) if is_text_wanted else ""
    with connect(server, is_insecure=insecure) as client:
        on = day_of(day, client).isoformat()
        stored = _stored(client, f"/api/entries/{on}")
        if given is None:
            _edit(client, on, stored)
            return
        document = _changed(stored.document if stored else {}, given, title, tag, is_replaced=replace)
        if not given and is_text_wanted:
            say("Nothing was written.")
            return
        client.put(f"/api/entries/{on}", document, etag=stored.etag if stored else None)
    say(f"Saved {on}, encrypted.")


def note(
    text: TextArgument = None,
    day: DayOption = None,
    mood: Annotated[str | None, typer.Option("--mood", help="A word for how it feels.")] = None,
    pillar: Annotated[str | None, typer.Option("--pillar", help="The pillar it belongs to.")] = None,
    file: FileOption = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Add a timed note to the day."""
    given = _given(text, file)
    with connect(server, is_insecure=insecure) as client:
        on = day_of(day, client).isoformat()  # before the editor: who is not signed in hears it before writing
        written = edit("") if given is None else given
        if not written:
            say("Nothing was written.")
            return
        body = {"text": written} | {name: value for name, value in (("mood", mood), ("pillar", pillar)) if value}
        _post_note(client, on, body, is_edited=given is None)
    say(f"Noted on {on}, encrypted.")


def morning(
    mental_state: Annotated[
        int | None, typer.Option("--mental-state", min=1, max=5, help="1 heavy, 2 low, 3 even, 4 good, 5 bright.")
    ] = None,
    emotion: Annotated[
        list[str] | None, typer.Option("--emotion", metavar="WORD", help="The first is the strongest; may be repeated.")
    ] = None,
    valence: Annotated[float | None, typer.Option("--valence", min=-1, max=1, help="-1 unpleasant to 1 pleasant.")] = None,
    energy: Annotated[float | None, typer.Option("--energy", min=-1, max=1, help="-1 low to 1 high.")] = None,
    avoiding: Annotated[str | None, typer.Option("--avoiding", help="What you are avoiding.")] = None,
    sleep: Annotated[float | None, typer.Option("--sleep", min=0, max=24, help="Hours slept.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="Anything else.")] = None,
    day: DayOption = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """The morning pulse; what you leave out stays as it is."""
    given: Document = {"mental_state": mental_state, "valence": valence, "energy": energy, "avoiding": avoiding}
    given |= {"sleep_hours": sleep, "note": note}
    if emotion:
        given |= {"strongest_emotion": emotion[0], "emotions": emotion[1:]}
    _feel("morning", given, day, server, is_insecure=insecure)


def evening(
    gave: Annotated[list[str] | None, typer.Option("--gave", metavar="TEXT", help="What gave energy; may be repeated.")] = None,
    drained: Annotated[list[str] | None, typer.Option("--drained", metavar="TEXT", help="What drained it; may be repeated.")] = None,
    purpose: Annotated[int | None, typer.Option("--pressure-or-purpose", min=-2, max=2, help="-2 all pressure to 2 all purpose.")] = None,
    honest_note: Annotated[str | None, typer.Option("--honest-note", help="What you would tell nobody else.")] = None,
    emotion: EmotionOption = None,
    day: DayOption = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
) -> None:
    """The evening reflection; what you leave out stays as it is."""
    given: Document = {"energy_givers": gave, "energy_drainers": drained, "pressure_or_purpose": purpose, "honest_note": honest_note}
    _feel("evening", given | {"emotions": emotion}, day, server, is_insecure=insecure)


def _post_note(client: Client, on: str, body: dict[str, str], *, is_edited: bool) -> None:
    """One key for all attempts: an attempt whose answer was lost makes no second note."""
    headers = {"Idempotency-Key": text_of(os.urandom(ID_BYTES))}
    while True:
        try:
            client.post(f"/api/entries/{on}/notes", body, headers=headers)
        except TimosError as error:
            if not is_edited:
                raise
            _retry_or_rescue(error, body["text"])
        else:
            return


def _feel(kind: str, given: Document, day: str | None, server: str | None, *, is_insecure: bool) -> None:
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        raise typer.BadParameter(f"Say something: timos write {kind} --help lists what.")
    with connect(server, is_insecure=is_insecure) as client:
        on = day_of(day, client).isoformat()
        path = f"/api/feels/{on}/{kind}"
        stored = _stored(client, path)
        client.put(path, (stored.document if stored else {}) | said, etag=stored.etag if stored else None)
    say(f"Saved the {kind} of {on}, encrypted.")


def _given(text: str | None, file: Path | None) -> str | None:
    """TEXT or the file's content; None means the editor. A pipe counts as `--file -`."""
    if text is not None and file is not None:
        raise typer.BadParameter("Give TEXT or --file, not both.")
    if text is not None:
        return text
    if file is None and ask.is_interactive():
        return None
    raw = _read(file if file is not None else Path("-"))
    try:
        return raw.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise typer.BadParameter("The text is not UTF-8.") from None


def _read(file: Path) -> bytes:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            raw = opened.read(_ENTRY_LIMIT + 1)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None
    if len(raw) > _ENTRY_LIMIT:
        raise typer.BadParameter("The text is over 1 MiB. Split it over several days.")
    return raw


def _stored(client: Client, path: str) -> Doc | None:
    reply = client.find(path)
    return None if reply is None else reply.read(Doc)


def _changed(document: Document, text: str, title: str | None, tags: list[str] | None, *, is_replaced: bool) -> Document:
    """A copy with what was given; an empty text leaves the body alone, also when it would replace it."""
    changed = dict(document)
    if text:
        body = "" if is_replaced else _body(document).rstrip()
        changed["body"] = f"{body}\n\n{text}" if body else text
    if title is not None:
        changed["title"] = title
    if tags:
        before = document.get("tags")
        known = [str(tag) for tag in before] if isinstance(before, list) else []
        changed["tags"] = list(dict.fromkeys([*known, *tags]))
    return changed


def _body(document: Document) -> str:
    body = document.get("body")
    return body if isinstance(body, str) else ""


def _edit(client: Client, on: str, stored: Doc | None) -> None:
    before = _body(stored.document) if stored else ""
    text = edit(before)
    if text == before.rstrip():
        say("Nothing was changed.")
        return
    _save_text(client, on, stored, text)


def _save_text(client: Client, on: str, stored: Doc | None, text: str) -> None:
    """Tries until it is saved, or the writer lets go of the text or takes it elsewhere."""
    document, etag = (stored.document, stored.etag) if stored else ({}, None)
    while True:
        try:
            client.put(f"/api/entries/{on}", document | {"body": text}, etag=etag)
        except TimosError as error:
            if isinstance(error, PreconditionError) and error.stored is not None:
                resolved = _resolve(error.stored, text)
                if resolved is None:
                    say(f"Kept {on} as it is.")
                    return
                document, text = resolved
                etag = error.etag
                continue
            _retry_or_rescue(error, text)
            etag = None if isinstance(error, PreconditionError) else etag  # deleted elsewhere: written anew
        else:
            say(f"Saved {on}, encrypted.")
            return


def _retry_or_rescue(error: TimosError, text: str) -> None:
    """Returns when the writer wants to try again."""
    report(error)
    if ask.choice("Your text is still here. [t]ry again, or write it to a [f]ile?", "tf") == "f":
        _rescue(text)
        raise error


def _resolve(stored: bytes, text: str) -> tuple[Document, str] | None:
    """The document and text to try next; None when the writer lets go of the own text."""
    document = _document(stored)
    theirs = _body(document)
    hint("This day was changed elsewhere while you wrote. There it reads:")
    hint(theirs)
    while True:
        answer = ask.choice("Keep [m]ine, keep [t]heirs, or [j]oin both in the editor?", "mtj")
        if answer == "m":
            return document, text
        if answer == "t":
            return None
        with suppress(typer.Exit):  # the editor failed; both texts are still here
            return document, edit(f"{theirs}\n\n{text}")


def _document(stored: bytes) -> Document:
    """The stored document, in its envelope or without."""
    found = decode(stored, dict[str, object])
    inner = found.get("document")
    return inner if isinstance(inner, dict) else found


def _rescue(text: str) -> None:
    """A readable copy where the writer wants it; asked again until it is written."""
    while True:
        path = Path(ask.line("File to write it to, readable by you only", otherwise="There is no terminal to ask on.")).expanduser()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                opened.write(text)
        except OSError as error:
            hint(f"{path} cannot be written: {error.strerror}.")
        else:
            hint(f"Your text is in {path}, not encrypted. Save it later with --file, then delete it.")
            return
