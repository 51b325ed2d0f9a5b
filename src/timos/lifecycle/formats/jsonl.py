"""JSON Lines: one object a line, `{"date": "YYYY-MM-DD", "text": "…"}`.

`read_jsonl(raw)` gives, for each line that is not empty and in their order, a `Line` or a `Refusal`. A bad line never hides
the good ones. Whether a day is plausible is the caller's question. UTF-8, with or without a byte order mark; LF or CRLF.

- A reason never repeats what the line holds: reports are logged and shown, diaries are not.
- Nothing is guessed: unknown and repeated fields are refused, since half of such a line would be lost.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # date.fromisoformat alone takes weeks and dates without hyphens
_FIELDS = {"date", "text"}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry; `number` counts all lines of the file from 1."""

    number: int
    day: date
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not read; `day` is known only where everything but the day's repetition was right."""

    number: int
    reason: str
    day: date | None = None


class _RefusedError(Exception):
    """Stays in this module; its text is the reason."""


def read_jsonl(raw: bytes) -> Iterator[Line | Refusal]:
    """Never raises. Of two lines with one day the first counts, the others are refused."""
    first_at: dict[date, int] = {}
    for number, line in _lines(raw):
        read = _read(number, line)
        if isinstance(read, Line) and first_at.setdefault(read.day, number) != number:
            yield Refusal(number, f"This day is in line {first_at[read.day]} already.", read.day)
        else:
            yield read


def _lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    start, number = len(b"\xef\xbb\xbf") if raw.startswith(b"\xef\xbb\xbf") else 0, 1
    while start < len(raw):  # not split(): that would hold the whole file twice
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        if line := raw[start:end].strip(b" \t\r"):
            yield number, line
        start, number = end + 1, number + 1


def _read(number: int, line: bytes) -> Line | Refusal:
    try:
        return Line(number, *_entry(line))
    except UnicodeDecodeError:
        reason = "The line is not UTF-8."
    except RecursionError:
        reason = "The line is nested too deeply."
    except _RefusedError as refused:
        reason = str(refused)
    except ValueError:  # not JSON, or a number of thousands of digits
        reason = "The line is not valid JSON."
    return Refusal(number, reason)


def _entry(line: bytes) -> tuple[date, str]:
    found = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    if not isinstance(found, dict):
        raise _RefusedError("The line is not a JSON object.")
    if not found.keys() <= _FIELDS:
        raise _RefusedError('The line has other fields than "date" and "text".')
    if found.keys() != _FIELDS:
        raise _RefusedError('The line needs both "date" and "text".')
    return _day(found["date"]), _text(found["text"])


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("A field occurs twice in the line.")
    return found


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise _RefusedError('"date" is not written YYYY-MM-DD.')
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _RefusedError('"date" is not in the calendar.') from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _RefusedError('"text" is not a text.')
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _RefusedError('"text" holds half a character (a lone surrogate).') from None
    return value
