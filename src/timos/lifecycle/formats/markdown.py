"""A zipped folder of Markdown files, as Obsidian and others keep daily notes: one page a day.

`read_markdown(raw)` gives a `Page` for each day and a `Refusal` for each file that was not taken. It works the processor hard
for up to seconds: run it in a thread. Whether a day is plausible is the caller's question.

- Nothing that was written is lost: what became a day, a title or a tag leaves the text only if the page says exactly the same.
  What else the front matter holds stands above the text. Of line ends and empty lines at a seam only the look may change.
- Nothing is guessed. The day is at the start of the file's name: 2026-11-22, 2026_11_22 or 20261122, alone or before a space,
  comma, dash, dot or underscore; else in the front matter, under `date` or `created`, as it is written there, whatever the
  zone. 22.11.2026 is not read: elsewhere 11.12.2026 is a day in November.
- A reason never repeats what a file holds. A path does say how somebody named it: it is for the report, not for a log.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from timos.kernel.errors import TooLargeError
from timos.lifecycle.formats.zips import Member, read_members, unpack

MAX_PAGE_BYTES = 1024 * 1024  # the body of an entry
MAX_TOTAL_BYTES = 64 * 1024 * 1024  # of all files that are read: ten years of a diary are 11 MB
MAX_TITLE, MAX_TAGS, MAX_TAG = 200, 50, 64  # characters, number, characters; of an entry

_SEPARATOR = "\n\n---\n\n"  # without the empty line before it, it would turn the last paragraph into a heading
_TEMPLATES = {"template", "templates", "_templates"}
_DAY_KEYS = ("date", "created")

_NAMED = re.compile(r"([1-9][0-9]{3})([-_]?)([0-9]{2})\2([0-9]{2})(?:[\s,_.-]+(.*))?", re.DOTALL)
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # in the rest of a name: a journey, not a day
_INSTANT = re.compile(
    r"([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)? ?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_KEY = re.compile(r"([^\W\d][\w .-]*):(?:\s|$)")
_NOT_PLAIN = frozenset("[]{}&*!|>%@`#,?-")  # a YAML scalar that begins so is something else (YAML 1.2.2 section 7.3.3)
_EMPTY_LINES = re.compile(r"(?:[ \t]*\n)*")
_FENCE = re.compile(r"\s*(?:>\s?)*(`{3,}|~{3,})")
_LISTED = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])\s")
_LINKED = re.compile(r"\[\[[^\[\]]*\]\]")
_TICKS = re.compile("(`+)")
_NO_TAG = (  # Unicode's blocks of punctuation; not \w, which leaves out emoji, and the vowel signs of half of Asia
    r"\s\x00-,.:-@\[-^`{-\x9f\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\u200b\u200e\u200f\u2010-\u206f\u2e00-\u2e7f\u3000-\u303f"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff3e\uff5b-\uff65"
)
_TAG = re.compile(rf"(?<!\S)#([^{_NO_TAG}]+)")  # so neither headings nor parts of an address
_NUMBER = re.compile(r"[\d/_-]*")  # "#12" is somebody's list, not a tag


@dataclass(frozen=True, slots=True)
class Page:
    """Within the limits of a daily entry. `path` is the first file of the day, and how many were joined to it."""

    path: str
    day: date
    title: str
    body: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken; `day` where it was known by then."""

    path: str
    reason: str
    day: date | None = None


class _RefusedError(Exception):
    """Stays in this module; its text is the reason."""


# ── the folder ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
            day = _day(member.name, _text(raw, member))
        except _RefusedError as refused:
            refusals.append(Refusal(_shown(member.name), str(refused)))
        else:
            days.setdefault(day, []).append(member)
    yield from refusals
    for day in sorted(days):
        yield from _joined(day, ((member.name, _text(raw, member)) for member in days[day]))


def _notes(raw: bytes) -> list[Member]:
    notes = [member for member in read_members(raw, is_safe=_is_safe) if _is_note(member.name)]
    if sum(member.size_bytes for member in notes if member.size_bytes <= MAX_PAGE_BYTES) > MAX_TOTAL_BYTES:
        raise TooLargeError(f"A folder has at most {MAX_TOTAL_BYTES // 2**20} MiB of Markdown.", path="archive")
    return sorted(notes, key=lambda member: _stem(member.name))  # without the ending, or "2026-11-22 b.md" came before "2026-11-22.md"


def _is_safe(path: str) -> bool:
    """People name notes as they like, and no file is made of a name here."""
    return "\0" not in path and not {"", ".", ".."}.intersection(path.removesuffix("/").split("/"))


def _is_note(path: str) -> bool:
    *folders, name = path.split("/")
    if any(part.startswith(".") for part in (*folders, name)):  # .obsidian, .trash; what macOS adds to a zip begins with "._"
        return False
    return name.lower().endswith(".md") and not any(folder.casefold() in _TEMPLATES for folder in folders)


def _stem(path: str) -> str:
    return path[: -len(".md")]


def _text(raw: bytes, member: Member) -> str:
    if member.size_bytes > MAX_PAGE_BYTES:  # before it is unpacked
        raise _RefusedError(f"The file is over {MAX_PAGE_BYTES // 2**20} MiB.")
    try:
        return b"".join(unpack(raw, member)).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _RefusedError("The file is not UTF-8.") from None


def _shown(path: str) -> str:
    """Nobody's terminal or page obeys a name: no controls, nothing that turns the direction of writing."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in path)


# ── the day ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _day(path: str, text: str) -> date:
    day = _named(path)[0] or _stated(text)
    if day is None:
        raise _RefusedError("There is no day in its name (YYYY-MM-DD) or its front matter (date, created).")
    return day


def _named(path: str) -> tuple[date | None, str]:
    """The day in a file's name, and what else the name says."""
    stem = _stem(path).rpartition("/")[2]
    found = _NAMED.fullmatch(stem)
    rest = (found[5] or "") if found else stem
    if found is None or _SECOND.search(rest):
        return None, stem.strip()
    day = _calendar(f"{found[1]}-{found[3]}-{found[4]}")
    return day, rest.strip() if day else stem.strip()


def _stated(text: str) -> date | None:
    fields = {found.key: found.values or ("",) for found in reversed(_front_matter(text)[0])}  # of two with a key the first counts
    for key in _DAY_KEYS:
        found = _INSTANT.fullmatch(fields.get(key, ("",))[0])
        if found and (day := _calendar(found[1])):
            return day
    return None


def _calendar(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _says_no_more(text: str, day: date) -> bool:
    """That the text is a way of writing the day: "Friday", "November 22nd, 2026"."""
    known = {*f"{day:%Y %m %d %Y%m%d %A %a %B %b} {day.month} {day.day}".casefold().split()}
    known |= {f"{day.day}{ending}" for ending in ("st", "nd", "rd", "th")}
    return known.issuperset(word for word in re.split(r"[\s,_./-]+", text.casefold()) if word)


# ── the pages of one day ─────────────────────────────────────────────────────────────────────────────────────────────


def _joined(day: date, files: Iterator[tuple[str, str]]) -> Iterator[Page | Refusal]:
    growing = _Growing(day)
    for path, text in files:
        try:
            growing.add(path, text)
        except _RefusedError as refused:
            yield Refusal(_shown(path), str(refused), day)
    if growing.paths:
        yield growing.page()


@dataclass(slots=True)
class _Growing:
    """A day whose files are added in the order of their paths. The first to have a title gives it; the others keep theirs."""

    day: date
    paths: list[str] = field(default_factory=list)
    title: str = ""
    tags: dict[str, str] = field(default_factory=dict)  # folded, as written first
    bodies: list[str] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, path: str, text: str) -> None:
        fields, body = _front_matter(text)
        front = [tag for found in fields for tag in _tags_of(found)]
        tags = _with_tags(self.tags, (*front, *_inline_tags(body)))
        title, body = self._titled(path, fields, body)
        left = [found for found in fields if not _is_said(found, self.day, title, tags)]
        body = _with_front(left, body)
        if not (title or body.strip() or front):
            raise _RefusedError("The file is empty.")
        self._grow(body)
        self.title = self.title if self.paths else title
        self.paths.append(path)
        self.tags = tags

    def _grow(self, body: str) -> None:
        if not body.strip():
            return
        size_bytes = self.size_bytes + len(body.encode()) + len(_SEPARATOR) * bool(self.bodies)
        if size_bytes > MAX_PAGE_BYTES:
            raise _RefusedError(f"With this file the day would be over {MAX_PAGE_BYTES // 2**20} MiB.")
        self.bodies.append(body)
        self.size_bytes = size_bytes

    def _titled(self, path: str, fields: list["_Field"], body: str) -> tuple[str, str]:
        """The title that the page gets from this file, and what then remains of the body."""
        heading, rest = _heading(body)
        stated = next((found.values[0] for found in fields if found.key == "title" and found.values), "")
        title = next((each for each in (heading, stated, _named(path)[1]) if self._is_title(each)), "")
        if not self.paths:
            return title, rest if title and title == heading else body
        is_in_text = title in {"", heading, stated}
        return "", body if is_in_text else f"# {title}\n\n{body}"

    def _is_title(self, text: str) -> bool:
        return len(text) <= MAX_TITLE and not _says_no_more(text, self.day)

    def page(self) -> Page:
        path = _shown(self.paths[0]) + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")
        is_one = len(self.bodies) == 1
        body = self.bodies[0] if is_one else _SEPARATOR.join(body.strip("\n") for body in self.bodies)
        return Page(path, self.day, self.title, body, tuple(self.tags.values()))


def _heading(body: str) -> tuple[str, str]:
    """The level-1 heading that the text begins with (CommonMark 0.31 section 4.2), and what follows."""
    line, _, rest = _trimmed(body).partition("\n")
    if not line.startswith("# "):
        return "", body
    text = line[2:].strip()
    open_ = text.rstrip("#")
    return (open_.strip() if open_ != text and open_[-1:] in {"", " "} else text), _trimmed(rest)


def _trimmed(body: str) -> str:
    found = _EMPTY_LINES.match(body)
    return body[found.end() :] if found else body


# ── front matter ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Field:
    """`values` is None for what is beyond `key: value`, `key: [a, b]` and lines with dashes; such a field is never taken."""

    key: str
    lines: tuple[str, ...]
    values: tuple[str, ...] | None


_FrontMatter: TypeAlias = tuple[list[_Field], str]


def _front_matter(text: str) -> _FrontMatter:
    """Its fields, and the text behind it. What only looks like it, a text between two rules, is text."""
    lines = text.split("\n") if text.startswith("---") else [""]
    if lines[0].rstrip() != "---":
        return [], text
    end = next((at for at, line in enumerate(lines) if at and line.rstrip() in {"---", "..."}), 0)
    groups: list[list[str]] = []
    for line in lines[1:end]:
        if _KEY.match(line):
            groups.append([line])
        elif groups and (not line.strip() or line[0] in " \t-#"):
            groups[-1].append(line)
        else:
            return [], text
    return ([_field(group) for group in groups], _trimmed("\n".join(lines[end + 1 :]))) if end else ([], text)


def _field(lines: list[str]) -> _Field:
    key, _, head = lines[0].partition(":")
    items = [line.strip() for line in lines[1:] if line.strip()]
    if not items:
        values = _list(head.strip())
    elif head.strip() or not all(item.startswith("- ") for item in items):
        values = None
    else:
        values = _scalars(item[2:] for item in items)
    return _Field(key.strip().casefold(), tuple(lines), values)


def _list(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return _scalars(iter([text] if text else []))
    if not text.endswith("]"):
        return None
    items = text[1:-1].split(",")
    return _scalars(iter(items if items[-1].strip() else items[:-1]))


def _scalars(items: Iterator[str]) -> tuple[str, ...] | None:
    found = []
    for item in items:
        scalar = _scalar(item.strip())
        if scalar is None:
            return None
        found.append(scalar)
    return tuple(found)


def _scalar(text: str) -> str | None:
    quote, inner = text[:1], text[1:-1]
    if quote in {'"', "'"}:
        is_whole = len(text) > 1 and text.endswith(quote) and quote not in inner and "\\" not in inner
        return inner if is_whole else None
    return None if not text or quote in _NOT_PLAIN or " #" in text or ": " in text else text


def _is_said(found: _Field, day: date, title: str, tags: dict[str, str]) -> bool:
    """That the page has all of this field without its text."""
    if found.values is None:
        return False
    if found.key in _DAY_KEYS:
        return found.values in {(), (day.isoformat(),)}  # an instant says more than the day
    if found.key == "title":
        return found.values in {(), (title,)}
    return found.key == "tags" and all(tag.casefold() in tags for tag in _tags_of(found))


def _with_front(left: list[_Field], body: str) -> str:
    front = "\n".join(line for found in left for line in found.lines).strip("\n")
    return f"{front}\n\n{_trimmed(body)}" if front and body.strip() else front or body


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tags_of(found: _Field) -> list[str]:
    if found.key != "tags" or not found.values:
        return []
    is_list = len(found.lines) > 1 or "[" in found.lines[0]
    tags = found.values if is_list else re.split(r"[\s,]+", found.values[0])
    return [tag for tag in (" ".join(each.split()).removeprefix("#") for each in tags) if tag]


def _inline_tags(body: str) -> Iterator[str]:
    for line in _prose(body):
        for tag in _TAG.findall(_LINKED.sub("[]", _without_code(line))):
            if not _NUMBER.fullmatch(tag):
                yield str(tag).strip("/")


def _with_tags(known: dict[str, str], tags: tuple[str, ...]) -> dict[str, str]:
    """What does not fit stays in the text only."""
    found = dict(known)
    for tag in tags:
        if len(tag) <= MAX_TAG and (len(found) < MAX_TAGS or tag.casefold() in found):
            found.setdefault(tag.casefold(), tag)
    return found


def _prose(body: str) -> Iterator[str]:
    """The lines that are not code. Indented lines of a list, or of a paragraph that goes on, are none."""
    fence, is_listed, may_be_code = "", False, True
    for line in body.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line[mark.end() :].strip() else fence
        elif mark and "`" not in line[mark.end() :]:
            fence = mark[1]
        elif not line.strip():
            may_be_code = True
        elif is_listed or not may_be_code or not line.startswith(("    ", "\t")):
            is_listed = bool(_LISTED.match(line)) or (is_listed and line[0] in " \t")
            may_be_code = False
            yield line


def _without_code(line: str) -> str:
    """Code spans cut out (CommonMark 0.31 section 6.1). In one pass, however many ticks somebody types."""
    pieces = _TICKS.split(line)  # text, ticks, text, ticks, …
    closing: dict[str, list[int]] = {}
    for at in range(len(pieces) - 2, 0, -2):
        closing.setdefault(pieces[at], []).append(at)
    kept, at = [], 0
    while at < len(pieces):
        places = closing.get(pieces[at], []) if at % 2 else []
        while places and places[-1] <= at:
            places.pop()
        kept.append("`" if at % 2 else pieces[at])
        at = places[-1] + 1 if places else at + 1
    return "".join(kept)
