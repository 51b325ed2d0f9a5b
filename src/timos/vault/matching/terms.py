"""What is typed into the search box, taken apart into terms, and the patterns that find a term."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from timos.kernel.errors import InputError
from timos.vault.matching.folding import fold

PATH: Final = "$.query"
_QUOTES = re.compile("[“”„‟«»＂]")
_TOKEN = re.compile(r'"(?P<phrase>[^"]*)"|(?P<bare>[^\s"]+)')

# Characters that surely part words and are no words themselves ($ is one), as far as the shortcut for plain words goes.
_GAP = r"\x00-#%-/:-@\[-`{-\x7f‘’“”—–…"
_NO_GAP = f"[^{_GAP}$]"

# The same in lower-cased JSON: what is neither letter nor digit, and escapes. Possessive, or a long gap would cost memory.
_JSON_GAP = rb"(?:[^a-z0-9\\]++|\\(?:u00[0-9a-f]{2}|[^u]))*+"
_NO_NAME = rb'(?![a-z0-9_]*":)'  # a quotation mark inside a text is escaped: this ends the name of a member

# Bytes of UTF-8 of which no character is made, but ASCII, that folds to a letter or digit: if a document has no others,
# only its ASCII can hold words. Not 0x93 (–): circled letters have it, too.
PLAIN = bytes(range(128)) + bytes.fromhex("c2e2 80 94 98 99 9c 9d a0 a2 a3 a6 a7")


@dataclass(frozen=True, slots=True)
class Term:
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


def parse_terms(text: str) -> Iterator[Term]:
    """Raises:
    InputError: a quotation mark is left open.
    """
    straight = _QUOTES.sub('"', text)
    if straight.count('"') % 2:
        raise InputError("A quotation mark is not closed.", path=PATH)
    for token in _TOKEN.finditer(straight):
        phrase, bare = token["phrase"], token["bare"] or ""
        words = tuple(fold(phrase or bare).split())
        if words:
            yield Term(words, is_prefix=bare.endswith("*"))
