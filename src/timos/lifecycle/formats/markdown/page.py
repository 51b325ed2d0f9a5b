"""A page of a day, and a file that became none."""

from dataclasses import dataclass
from datetime import date

MAX_PAGE_BYTES = 1024 * 1024  # the body of an entry
MAX_TITLE, MAX_TAGS, MAX_TAG = 200, 50, 64  # characters, number, characters; of an entry


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


class RefusedError(Exception):
    """Stays in this folder; its text is the reason."""


def shown(path: str) -> str:
    """Nobody's terminal or page obeys a name: no controls, nothing that turns the direction of writing."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in path)
