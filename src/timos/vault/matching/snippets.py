"""Stretches of a document that show what was found in it, in the original spelling."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from timos.vault.matching.folding import FOLDING, fold

_CHUNK = 2048  # characters whose offsets are worked out at once
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a snippet; `marked` if it is what was searched for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Where a term was found, in offsets of the original text."""

    start: int
    end: int
    term: int


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of one text worth showing, and what is marked in it."""

    text: str
    start: int
    end: int
    spans: tuple[Span, ...]

    @property
    def terms(self) -> set[int]:
        return {span.term for span in self.spans}


class Original:
    """Ways back from the folded text to the original one. Worked out only for the chunks that are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        chunks = [fold(text[at : at + _CHUNK]) for at in range(0, len(text), _CHUNK)]
        self.folded = f" {''.join(chunks)} "
        self._starts = list(accumulate(map(len, chunks), initial=1))  # 1: the space in front
        self._offsets: dict[int, list[int]] = {}

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters that folded to this; marks that belong to the last one are with it."""
        first, after = self._covering(start), self._covering(end - 1) + 1
        while after < len(self._text) and not FOLDING[ord(self._text[after])]:
            after += 1
        return first, after

    def _covering(self, folded_at: int) -> int:
        chunk = bisect_right(self._starts, folded_at) - 1
        offsets = self._offsets.get(chunk)
        if offsets is None:
            piece = self._text[chunk * _CHUNK : (chunk + 1) * _CHUNK]
            offsets = self._offsets[chunk] = list(accumulate((len(FOLDING[ord(character)]) for character in piece), initial=0))
        return chunk * _CHUNK + bisect_right(offsets, folded_at - self._starts[chunk]) - 1


def cut(found: Iterable[tuple[str, Sequence[Span]]], *, max_count: int, width: int) -> list[list[Piece]]:
    """From texts, each with what was found in it, as they follow in the document."""
    windows = [window for text, spans in found for window in _windows(text, spans, width)]
    return [_pieces(window) for window in _chosen(windows, max_count)]


def _windows(text: str, spans: Sequence[Span], width: int) -> Iterator[_Window]:
    """Stretches that do not overlap, each around the first span that no earlier one shows."""
    shown_to = 0
    for number, span in enumerate(spans):
        if span.start < shown_to:
            continue
        start, end = _around(text, span, width)
        start = max(start, shown_to)
        yield _Window(text, start, end, tuple(other for other in spans[number:] if other.start < end))
        shown_to = end


def _around(text: str, span: Span, width: int) -> tuple[int, int]:
    """About a third of the room before the span, the rest after it; ends moved in to white space where some is near."""
    start = max(0, span.start - max(0, width - (span.end - span.start)) // 3)
    end = min(len(text), start + width)
    start = max(0, min(start, end - width))
    if start:
        start = next((at for at in range(start, min(start + 20, span.start)) if text[at - 1].isspace()), start)
    if end < len(text):
        end = next((at for at in range(end, max(end - 20, span.end), -1) if text[at].isspace()), end)
    return start, end


def _chosen(windows: Sequence[_Window], count: int) -> list[_Window]:
    news: list[int] = []
    repeats: list[int] = []
    seen: set[int] = set()
    for number, window in enumerate(windows):
        (repeats if window.terms <= seen else news).append(number)
        seen |= window.terms
    return [windows[number] for number in sorted((news + repeats)[:count])]


def _pieces(window: _Window) -> list[Piece]:
    text, at = window.text, window.start
    pieces = [Piece("…", marked=False)] if window.start else []
    for span in window.spans:
        if span.end <= at:
            continue
        start, end = max(at, span.start), min(span.end, window.end)
        pieces += [Piece(text[at:start], marked=False), Piece(text[start:end], marked=True)]
        at = end
    pieces.append(Piece(text[at : window.end], marked=False))
    if window.end < len(text):
        pieces.append(Piece("…", marked=False))
    return [Piece(_SPACES.sub(" ", piece.text), piece.marked) for piece in pieces if piece.text]
