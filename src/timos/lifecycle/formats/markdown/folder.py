"""Reading the folder: which of its files are notes, and of which day each is."""

from collections.abc import Iterator
from datetime import date

from timos.kernel.errors import TooLargeError
from timos.lifecycle.formats.markdown.days import day_of, stem_of
from timos.lifecycle.formats.markdown.joining import joined
from timos.lifecycle.formats.markdown.page import MAX_PAGE_BYTES, Page, Refusal, RefusedError, shown
from timos.lifecycle.formats.zips import Member, read_members, unpack

MAX_TOTAL_BYTES = 64 * 1024 * 1024  # of all files that are read: ten years of a diary are 11 MB
_TEMPLATES = {"template", "templates", "_templates"}


def read_markdown(raw: bytes) -> Iterator[Page | Refusal]:
    """First the files without a day, then the days in their order. The whole archive is checked before the first is given.

    Raises:
        MalformedError: no zip file, or damaged.
        TooLargeError: over MAX_TOTAL_BYTES or a limit of `formats.zips`.
        InputError: unsafe.
    """
    days: dict[date, list[Member]] = {}
    refusals = []
    for member in _notes(raw):
        try:
            day = day_of(member.name, _text(raw, member))
        except RefusedError as refused:
            refusals.append(Refusal(shown(member.name), str(refused)))
        else:
            days.setdefault(day, []).append(member)
    yield from refusals
    for day in sorted(days):
        yield from joined(day, ((member.name, _text(raw, member)) for member in days[day]))


def _notes(raw: bytes) -> list[Member]:
    notes = [member for member in read_members(raw, is_safe=_is_safe) if _is_note(member.name)]
    if sum(member.size_bytes for member in notes if member.size_bytes <= MAX_PAGE_BYTES) > MAX_TOTAL_BYTES:
        raise TooLargeError(f"A folder has at most {MAX_TOTAL_BYTES // 2**20} MiB of Markdown.", path="archive")
    return sorted(notes, key=lambda member: stem_of(member.name))  # without the ending, or "2026-11-22 b.md" came before "2026-11-22.md"


def _is_safe(path: str) -> bool:
    """People name notes as they like, and no file is made of a name here."""
    return "\0" not in path and not {"", ".", ".."}.intersection(path.removesuffix("/").split("/"))


def _is_note(path: str) -> bool:
    *folders, name = path.split("/")
    if any(part.startswith(".") for part in (*folders, name)):  # .obsidian, .trash; what macOS adds to a zip begins with "._"
        return False
    return name.lower().endswith(".md") and not any(folder.casefold() in _TEMPLATES for folder in folders)


def _text(raw: bytes, member: Member) -> str:
    if member.size_bytes > MAX_PAGE_BYTES:  # before it is unpacked
        raise RefusedError(f"The file is over {MAX_PAGE_BYTES // 2**20} MiB.")
    try:
        return b"".join(unpack(raw, member)).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise RefusedError("The file is not UTF-8.") from None
