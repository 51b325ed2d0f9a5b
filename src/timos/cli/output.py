"""What is printed where: answers on stdout, everything else on stderr, one line for an error.

- Text that came from a server or a file never moves the cursor, sets a title or writes to the clipboard: control
  characters are shown as a replacement mark.
- Without a terminal there is no colour, and marks are written as brackets.
"""

import json
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from timos.cli.answers import Piece
from timos.kernel.errors import InputError, LimitError, PreconditionError, TimosError, UnavailableError

_KEPT = frozenset("\n\t")
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT}
_JSON_CONTROLS = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}  # JSON itself escapes those below 0x20
MARK = "bold underline"  # seen without colours too
QUIET = "dim"
_A_MOMENT = 5  # seconds; the error texts say "a moment" already
_MINUTE = 60  # seconds


def out() -> Console:
    """Made anew each time, because tests and pipes change what stdout is."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def err() -> Console:
    """For progress, hints and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def printable(text: str) -> str:
    """Line ends as one newline, and no character that a terminal would obey (ECMA-48 controls)."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def say(text: str) -> None:
    """A line for people, on stdout."""
    out().print(printable(text))


def hint(text: str) -> None:
    """A line for people, on stderr."""
    err().print(printable(text))


def left_out(what: Iterable[str]) -> None:
    """Says which days, or parts of a day, are stored and were not shown."""
    if names := ", ".join(what):
        hint(f"timos: {names}: stored, but does not open, and was left out. The page of the day in the web app can delete it.")


def print_json(raw: bytes) -> None:
    """The server's answer as one indented document, and nothing else on stdout."""
    text = json.dumps(json.loads(raw), ensure_ascii=False, indent=2).translate(_JSON_CONTROLS)
    sys.stdout.write(text + "\n")


def report(error: TimosError) -> None:
    """One line that says what to do; the error's own text does."""
    where = f" (field {error.path})" if isinstance(error, InputError) and error.path else ""
    todo = " Read it again, then repeat the command." if isinstance(error, PreconditionError) else ""
    text = str(error)
    if isinstance(error, LimitError | UnavailableError) and error.retry_after_seconds > _A_MOMENT:
        text = f"{text.partition('. ')[0].rstrip('.')}. Try again in {_span(error.retry_after_seconds)}."
    line = " ".join(f"timos: {text}{where}{todo}".split())
    err().print(printable(line))


def _span(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < _MINUTE else f"{-(-seconds // _MINUTE)} minutes"


def snippet(pieces: tuple[Piece, ...], *, is_terminal: bool) -> Text:
    """One line; marks are styled on a terminal and [bracketed] elsewhere."""
    text = Text()
    for piece in pieces:
        words = printable(piece.text).replace("\n", " ").replace("\t", " ")
        if not piece.marked:
            text.append(words)
        elif is_terminal:
            text.append(words, style=MARK)
        else:
            text.append(f"[{words}]")
    return text
