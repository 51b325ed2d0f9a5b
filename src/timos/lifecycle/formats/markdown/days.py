"""Which day a file is of: as its name says, or its front matter."""

import re
from datetime import date

from timos.lifecycle.formats.markdown.front_matter import DAY_KEYS, front_matter
from timos.lifecycle.formats.markdown.page import RefusedError

_NAMED = re.compile(r"([1-9][0-9]{3})([-_]?)([0-9]{2})\2([0-9]{2})(?:[\s,_.-]+(.*))?", re.DOTALL)
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # in the rest of a name: a journey, not a day
_INSTANT = re.compile(
    r"([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)? ?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def stem_of(path: str) -> str:
    """Without the `.md` that every note ends with."""
    return path[: -len(".md")]


def day_of(path: str, text: str) -> date:
    """Raises:
    RefusedError: neither says one.
    """
    day = named(path)[0] or _stated(text)
    if day is None:
        raise RefusedError("There is no day in its name (YYYY-MM-DD) or its front matter (date, created).")
    return day


def named(path: str) -> tuple[date | None, str]:
    """The day in a file's name, and what else the name says."""
    stem = stem_of(path).rpartition("/")[2]
    found = _NAMED.fullmatch(stem)
    rest = (found[5] or "") if found else stem
    if found is None or _SECOND.search(rest):
        return None, stem.strip()
    day = _calendar(f"{found[1]}-{found[3]}-{found[4]}")
    return day, rest.strip() if day else stem.strip()


def _stated(text: str) -> date | None:
    fields = {found.key: found.values or ("",) for found in reversed(front_matter(text)[0])}  # of two with a key the first counts
    for key in DAY_KEYS:
        found = _INSTANT.fullmatch(fields.get(key, ("",))[0])
        if found and (day := _calendar(found[1])):
            return day
    return None


def _calendar(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def says_no_more(text: str, day: date) -> bool:
    """That the text is a way of writing the day: "Friday", "November 22nd, 2026"."""
    known = {*f"{day:%Y %m %d %Y%m%d %A %a %B %b} {day.month} {day.day}".casefold().split()}
    known |= {f"{day.day}{ending}" for ending in ("st", "nd", "rd", "th")}
    return known.issuperset(word for word in re.split(r"[\s,_./-]+", text.casefold()) if word)
