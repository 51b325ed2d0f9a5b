"""Finding words in opened documents. Pure: no keys, no database, no clock, and nothing is kept between two calls.

What the search box understands:
- `word`      the whole word: `plague` does not find `plagues`; several terms must all occur, anywhere in the document;
- `pre*`      words that begin so; a star elsewhere is punctuation;
- `"a b"`     the words next to each other, with any white space and punctuation between them. Straight, curly and
              angle quotes are one. A bare term with punctuation inside (`father's`, `Fleet-street`) is such a phrase.

Case, accents, ligatures and widths do not count (NFKD, marks dropped, case-folded; `ß` is `ss`, `æ` is `ae`, `ø` is `o`).
A currency sign, an emoji and a letter of a script without spaces (Han, Kana, Thai …) is a word by itself.

How it stays fast: folding is done letter by letter and so never depends on the neighbours. A document whose bytes show that
nothing but ASCII can fold in it is judged on its lower-cased bytes (`might_match`), Western text is folded through a table
of 256 bytes, the rest letter by letter. Every shortcut may only say what the slow way would say; the tests hold them to it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, groupby, islice
from typing import Self

from timos.kernel.errors import InputError

MAX_QUERY_CHARACTERS = 200
MAX_TERMS = 16
_PATH = "$.query"
_MAX_SPANS = 64  # of one term in one text: more than any choice of snippets can show
_CHUNK = 2048  # characters whose offsets are worked out at once

_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257")  # Western, Central European, Cyrillic, Greek, Turkish, Baltic
_MAX_STRAYS = 8

_Search = Callable[[str], re.Match[str] | None]
_BytesSearch = Callable[[bytes], re.Match[bytes] | None]

_QUOTES = re.compile("[“”„‟«»＂]")
_SPACES = re.compile(r"\s+")
_TOKEN = re.compile(r'"(?P<phrase>[^"]*)"|(?P<bare>[^\s"]+)')

# Letters that Unicode does not take apart, but that people type without the stroke. `ı` because `I` folds to `i`.
_SPELLED = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i"}
_UNSPACED = (  # scripts written without spaces between words: every letter is a word
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)
_DROPPED = ((0xFE00, 0xFE0F), (0x1F3FB, 0x1F3FF), (0xE0100, 0xE01EF))  # variation selectors, skin tones
_REMEMBERED = ((0x0000, 0xFFFF), (0x1F000, 0x1FFFF))  # nobody can fill the memory with rare characters


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a snippet; `marked` if it is what was searched for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class _Span:
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
    spans: tuple[_Span, ...]

    @property
    def terms(self) -> set[int]:
        return {span.term for span in self.spans}


# ── folding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Folding(dict[int, str]):
    """For `str.translate`: a code point → its folded letters, a space for what separates words, nothing for marks."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if _is_in(chr(code), _REMEMBERED):
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    bare = _without_marks(unicodedata.normalize("NFKD", character)).casefold()
    folded = "".join(map(_spell, _without_marks(unicodedata.normalize("NFKD", bare))))
    return " " if folded.isspace() else folded


def _without_marks(text: str) -> str:
    return "".join(character for character in text if not _is_dropped(character))


def _is_dropped(character: str) -> bool:
    if unicodedata.combining(character) or _is_in(character, _DROPPED):
        return True
    # Cf: soft hyphens, joiners, direction marks. The zero width space does part words.
    return unicodedata.category(character) in {"Cf", "Me"} and character != "\u200b"


def _spell(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    category = unicodedata.category(character)
    if category in {"So", "Sc"}:
        return f" {character} "
    if character.isalnum() or category in {"Mn", "Mc"}:  # vowel signs that are no accents belong to the word
        return f" {character} " if _is_in(character, _UNSPACED) else character
    return " "


def _is_in(character: str, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


_FOLDING = _Folding()


@dataclass(frozen=True, slots=True)
class _Page:
    """How the bytes of a Windows code page fold: each to one byte, or, by a replacement afterwards, to something longer."""

    name: str
    table: bytes
    longer: tuple[tuple[str, str], ...]

    def folded(self, text: str) -> str:
        """Raises UnicodeEncodeError for a text with other characters; there is no cheaper way to ask."""
        encoded = text.encode(self.name).translate(self.table)
        if encoded.isascii():
            return encoded.decode().replace("$", _FOLDING[ord("$")])
        folded = encoded.decode(self.name)
        for character, letters in self.longer:
            folded = folded.replace(character, letters)
        return folded


@cache
def _page(name: str) -> _Page:
    table, longer = bytearray(range(256)), {}
    for byte in range(256):
        character = bytes([byte]).decode(name, "ignore")
        if not character:
            continue
        folded = _FOLDING[ord(character)]
        as_byte = folded.encode(name, "ignore")
        if len(folded) == len(as_byte) == 1:
            table[byte] = as_byte[0]
        else:  # stands for itself until it is replaced; nothing folds to what folds on
            longer[character] = folded
    return _Page(name, bytes(table), tuple(longer.items()))


def _folded(text: str) -> str:
    """The words of a text, at least one space between any two. Folding the parts of a text gives the parts of its folding."""
    for name in _PAGES:
        try:
            return _page(name).folded(text)
        except UnicodeEncodeError:
            continue
    return "".join(_mixed(text))


def _mixed(text: str) -> Iterator[str]:
    """Mostly Western text with an emoji or a foreign word here and there; from the ninth on, letter by letter."""
    western = _page(_PAGES[0])
    for _ in range(_MAX_STRAYS):
        try:
            yield western.folded(text)
        except UnicodeEncodeError as stray:
            yield western.folded(text[: stray.start])
            yield text[stray.start : stray.end].translate(_FOLDING)
            text = text[stray.end :]
        else:
            return
    yield text.translate(_FOLDING)


# ── terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Characters that surely part words and are no words themselves ($ is one), as far as the shortcut for plain words goes.
_GAP = r"\x00-#%-/:-@\[-`{-\x7f‘’“”—–…"
_NO_GAP = f"[^{_GAP}$]"

# The same in lower-cased JSON: what is neither letter nor digit, and escapes. Possessive, or a long gap would cost memory.
_JSON_GAP = rb"(?:[^a-z0-9\\]++|\\(?:u00[0-9a-f]{2}|[^u]))*+"
_NO_NAME = rb'(?![a-z0-9_]*":)'  # a quotation mark inside a text is escaped: this ends the name of a member

# Bytes of UTF-8 of which no character is made, but ASCII, that folds to a letter or digit: if a document has no others,
# only its ASCII can hold words. Not 0x93 (–): circled letters have it, too.
_PLAIN = bytes(range(128)) + bytes.fromhex("c2e2 80 94 98 99 9c 9d a0 a2 a3 a6 a7")


@dataclass(frozen=True, slots=True)
class _Term:
    """Adjacent folded words, the last one perhaps only begun."""

    words: tuple[str, ...]
    is_prefix: bool

    def pattern(self) -> re.Pattern[str]:
        """For folded text with a space at both ends. The literal comes first and its left border after it: sre is fast only so."""
        first, *others = map(re.escape, self.words)
        rest = "".join(f" +{word}" for word in others)
        return re.compile(f"{first}(?<= {first}){rest}" + ("[^ ]*" if self.is_prefix else "(?= )"))

    def shortcuts(self) -> Iterator[re.Pattern[str]]:
        """For unfolded text: find the term if it stands there in ASCII, lower case or capitalised. Silence proves nothing."""
        if not all(map(_is_plain, self.words)):
            return
        word, *others = self.words
        rest = "".join(f"[{_GAP}]+{other}" for other in others) + ("" if self.is_prefix else f"(?!{_NO_GAP})")
        for first in dict.fromkeys((word, word.capitalize())):
            yield re.compile(f"{first}(?<!{_NO_GAP}{first}){rest}")

    def needed(self) -> re.Pattern[bytes]:
        """What the lower-cased JSON of a plain document must match. May find more than there is, never less."""
        runs = [tuple(run) for is_plain, run in groupby(self.words, _is_plain) if is_plain]
        if not runs:
            return re.compile(re.escape(self.words[0].encode()))
        run = max(runs, key=lambda words: sum(map(len, words)))
        first, *others = (word.encode() for word in run)
        left = rb"(?:(?<![a-z0-9]%b)|(?<=\\[bfnrt]%b)|(?<=\\u00[0-9a-f]{2}%b))" % (first, first, first)  # a word, also after an escape
        right = b"" if self.is_prefix and run[-1] == self.words[-1] else b"(?![a-z0-9])"
        return re.compile(left.join([first, b""]) + b"".join(_JSON_GAP + other for other in others) + right + _NO_NAME)


def _is_plain(word: str) -> bool:
    return word.isascii() and word.isalnum()


def _terms(text: str) -> Iterator[_Term]:
    straight = _QUOTES.sub('"', text)
    if straight.count('"') % 2:
        raise InputError("A quotation mark is not closed.", path=_PATH)
    for token in _TOKEN.finditer(straight):
        phrase, bare = token["phrase"], token["bare"] or ""
        words = tuple(_folded(phrase or bare).split())
        if words:
            yield _Term(words, is_prefix=bare.endswith("*"))


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, repr=False)  # repr hides what was searched for; no slots: the patterns are cached
class Query:
    """What to look for. Cheapest first: `might_match` on the opened bytes, `matches` on their texts, `snippets` on hits."""

    terms: tuple[_Term, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the language of the search box.

        Raises:
            InputError: no word in it, more than 200 characters or 16 terms, a quotation mark left open.
        """
        if len(text) > MAX_QUERY_CHARACTERS:
            raise InputError(f"A search has at most {MAX_QUERY_CHARACTERS} characters.", path=_PATH)
        terms = tuple(dict.fromkeys(_terms(text)))
        if not terms:
            raise InputError("Type at least one word to search for.", path=_PATH)
        if len(terms) > MAX_TERMS:
            raise InputError(f"A search has at most {MAX_TERMS} terms.", path=_PATH)
        return cls(terms)

    def might_match(self, raw_json: bytes) -> bool:
        """False only if no texts inside this canonical JSON can match: its letters are UTF-8, its member names are no texts."""
        lowered = raw_json.lower()
        for search in self._needed:
            if search(lowered) is None:
                return bool(raw_json.translate(None, _PLAIN))
        return True

    def matches(self, texts: Sequence[str]) -> bool:
        """Whether every term occurs in at least one of the texts of a document."""
        unsure = [exact for quick, exact in self._searches if not any(search(text) for search in quick for text in texts)]
        if not unsure:
            return True
        folded = [f" {_folded(text)} " for text in texts]
        return all(any(map(search, folded)) for search in unsure)

    def snippets(self, texts: Sequence[str], *, max_count: int = 3, width: int = 160) -> list[list[Piece]]:
        """Stretches of about `width` characters in the original spelling, each on one line, as they follow in the texts.

        Those that show a term not yet shown come before those that repeat one. Cut ends carry an ellipsis.
        """
        windows = [window for text in texts for window in _windows(text, self._spans(text), width)]
        return [_pieces(window) for window in _chosen(windows, max_count)]

    def _spans(self, text: str) -> list[_Span]:
        original = _Original(text)
        spans = [
            _Span(*original.span(found.start(), found.end()), term)
            for term, pattern in enumerate(self._patterns)
            for found in islice(pattern.finditer(original.folded), _MAX_SPANS)
        ]
        return sorted(spans, key=lambda span: (span.start, span.end))

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(term.pattern() for term in self.terms)

    @cached_property
    def _searches(self) -> tuple[tuple[tuple[_Search, ...], _Search], ...]:
        shortcuts = (tuple(pattern.search for pattern in term.shortcuts()) for term in self.terms)
        return tuple(zip(shortcuts, (pattern.search for pattern in self._patterns), strict=True))

    @cached_property
    def _needed(self) -> tuple[_BytesSearch, ...]:
        longest_first = sorted(self.terms, key=lambda term: -sum(map(len, term.words)))  # likely the rarest
        return tuple(term.needed().search for term in longest_first)


# ── snippets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Original:
    """Ways back from the folded text to the original one. Worked out only for the chunks that are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        chunks = [_folded(text[at : at + _CHUNK]) for at in range(0, len(text), _CHUNK)]
        self.folded = f" {''.join(chunks)} "
        self._starts = list(accumulate(map(len, chunks), initial=1))  # 1: the space in front
        self._offsets: dict[int, list[int]] = {}

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters that folded to this; marks that belong to the last one are with it."""
        first, after = self._covering(start), self._covering(end - 1) + 1
        while after < len(self._text) and not _FOLDING[ord(self._text[after])]:
            after += 1
        return first, after

    def _covering(self, folded_at: int) -> int:
        chunk = bisect_right(self._starts, folded_at) - 1
        offsets = self._offsets.get(chunk)
        if offsets is None:
            piece = self._text[chunk * _CHUNK : (chunk + 1) * _CHUNK]
            offsets = self._offsets[chunk] = list(accumulate((len(_FOLDING[ord(character)]) for character in piece), initial=0))
        return chunk * _CHUNK + bisect_right(offsets, folded_at - self._starts[chunk]) - 1


def _windows(text: str, spans: Sequence[_Span], width: int) -> Iterator[_Window]:
    """Stretches that do not overlap, each around the first span that no earlier one shows."""
    shown_to = 0
    for number, span in enumerate(spans):
        if span.start < shown_to:
            continue
        start, end = _around(text, span, width)
        start = max(start, shown_to)
        yield _Window(text, start, end, tuple(other for other in spans[number:] if other.start < end))
        shown_to = end


def _around(text: str, span: _Span, width: int) -> tuple[int, int]:
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
