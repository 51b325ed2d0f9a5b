"""The files of one day, joined to its page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from timos.lifecycle.formats.markdown.days import named, says_no_more
from timos.lifecycle.formats.markdown.front_matter import DAY_KEYS, Field, front_matter, trimmed
from timos.lifecycle.formats.markdown.page import MAX_PAGE_BYTES, MAX_TITLE, Page, Refusal, RefusedError, shown
from timos.lifecycle.formats.markdown.tags import inline_tags, tags_of, with_tags

_SEPARATOR = "\n\n---\n\n"  # without the empty line before it, it would turn the last paragraph into a heading


def joined(day: date, files: Iterator[tuple[str, str]]) -> Iterator[Page | Refusal]:
    """`files` are paths and texts; those that are refused come before the page, which is there if any was taken."""
    growing = _Growing(day)
    for path, text in files:
        try:
            growing.add(path, text)
        except RefusedError as refused:
            yield Refusal(shown(path), str(refused), day)
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
        fields, body = front_matter(text)
        front = [tag for found in fields for tag in tags_of(found)]
        tags = with_tags(self.tags, (*front, *inline_tags(body)))
        title, body = self._titled(path, fields, body)
        left = [found for found in fields if not _is_said(found, self.day, title, tags)]
        body = _with_front(left, body)
        if not (title or body.strip() or front):
            raise RefusedError("The file is empty.")
        self._grow(body)
        self.title = self.title if self.paths else title
        self.paths.append(path)
        self.tags = tags

    def _grow(self, body: str) -> None:
        if not body.strip():
            return
        size_bytes = self.size_bytes + len(body.encode()) + len(_SEPARATOR) * bool(self.bodies)
        if size_bytes > MAX_PAGE_BYTES:
            raise RefusedError(f"With this file the day would be over {MAX_PAGE_BYTES // 2**20} MiB.")
        self.bodies.append(body)
        self.size_bytes = size_bytes

    def _titled(self, path: str, fields: list["Field"], body: str) -> tuple[str, str]:
        """The title that the page gets from this file, and what then remains of the body."""
        heading, rest = _heading(body)
        stated = next((found.values[0] for found in fields if found.key == "title" and found.values), "")
        title = next((each for each in (heading, stated, named(path)[1]) if self._is_title(each)), "")
        if not self.paths:
            return title, rest if title and title == heading else body
        is_in_text = title in {"", heading, stated}
        return "", body if is_in_text else f"# {title}\n\n{body}"

    def _is_title(self, text: str) -> bool:
        return len(text) <= MAX_TITLE and not says_no_more(text, self.day)

    def page(self) -> Page:
        path = shown(self.paths[0]) + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")
        is_one = len(self.bodies) == 1
        body = self.bodies[0] if is_one else _SEPARATOR.join(body.strip("\n") for body in self.bodies)
        return Page(path, self.day, self.title, body, tuple(self.tags.values()))


def _heading(body: str) -> tuple[str, str]:
    """The level-1 heading that the text begins with (CommonMark 0.31 section 4.2), and what follows."""
    line, _, rest = trimmed(body).partition("\n")
    if not line.startswith("# "):
        return "", body
    text = line[2:].strip()
    open_ = text.rstrip("#")
    return (open_.strip() if open_ != text and open_[-1:] in {"", " "} else text), trimmed(rest)


def _is_said(found: Field, day: date, title: str, tags: dict[str, str]) -> bool:
    """That the page has all of this field without its text."""
    if found.values is None:
        return False
    if found.key in DAY_KEYS:
        return found.values in {(), (day.isoformat(),)}  # an instant says more than the day
    if found.key == "title":
        return found.values in {(), (title,)}
    return found.key == "tags" and all(tag.casefold() in tags for tag in tags_of(found))


def _with_front(left: list[Field], body: str) -> str:
    front = "\n".join(line for found in left for line in found.lines).strip("\n")
    return f"{front}\n\n{trimmed(body)}" if front and body.strip() else front or body
