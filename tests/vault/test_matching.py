"""What search finds, that no shortcut changes it, and that marks stand on what the user wrote."""

import itertools
import sys
import unicodedata
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timos.kernel.errors import InputError
from timos.vault.matching import folding
from timos.vault.matching.folding import FOLDING, fold
from timos.vault.matching.query import Query
from timos.vault.matching.terms import PLAIN

# Words that fold into each other, and what may stand beside them: quotes, escapes of JSON, marks, symbols, joiners.
WORDS = [
    "to",
    "To",
    "TO",
    "tò",
    "bed",
    "BED",
    "n",
    "nbed",
    "u001f",
    "ß",
    "ss",
    "straße",
    "STRASSE",
    "æ",
    "ae",
    "café",
    "cafe\u0301",
    "ﬁn",
    "fin",
]
FOREIGN = [
    "чума",
    "Чума",
    "łódź",
    "Işık",
    "天气",
    "今天天气",
    "ὀξύ",
    "ΟΞΎ",
    "가",
    "각",
    "हिन्दी",
    "🎉",
    "👍🏽",
    "£60",
    "60",
    "$5",
    "½",
    "2",
    "ⓔ",
    "e",
]
BETWEEN = [
    " ",
    "\n",
    "\\",
    '"',
    "\x1f",
    "\x7f",
    ", ",
    "—",
    "’",
    "…",
    "\u00ad",
    "\u200b",
    "\u200d",
    "\u0301",
    "_",
    "*",
    "",
    "\t",
    "\u2028",
    "\ufe0f",
    "–",
]

written = st.lists(st.sampled_from(WORDS + FOREIGN + BETWEEN), max_size=12).map("".join) | st.text(max_size=20)
asked = st.lists(
    st.sampled_from(WORDS + FOREIGN).flatmap(lambda word: st.sampled_from([word, f"{word}*", f'"{word} bed"'])), min_size=1, max_size=3
)


def found(query: str, *texts: str) -> bool:
    return Query.parse(query).matches(texts)


def as_json(texts: Sequence[str]) -> bytes:
    return msgspec.json.encode({"body": texts[0] if texts else "", "tags": list(texts[1:]), "to_bed": None, "u001f": {"n": 60}})


def slowly(text: str) -> list[str]:
    """The words of a text without any shortcut."""
    return text.translate(FOLDING).split()


def found_slowly(query: Query, texts: Sequence[str]) -> bool:
    def occurs(words: tuple[str, ...], there: list[str], *, is_prefix: bool) -> bool:
        for at in range(len(there) - len(words) + 1):
            here = there[at : at + len(words)]
            last = here[-1][: len(words[-1])] if is_prefix else here[-1]
            if (*here[:-1], last) == words:
                return True
        return False

    return all(any(occurs(term.words, slowly(text), is_prefix=term.is_prefix) for text in texts) for term in query.terms)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("plague", "The plague, again."),
        ("PLAGUE", "plague"),
        ("plague", "PLAGUE"),
        ("plague the", "the dreadful plague"),
        ("plag*", "plagues"),
        ("plag*", "plag"),
        ('"to bed"', "and so to bed."),
        ('"to bed"', "and so to\n\n   bed"),
        ('"to bed"', "and so *to*, bed"),
        ("“to bed”", "and so to bed"),
        ("«to bed»", "and so to bed"),
        ("father's", "my father’s house"),
        ("father’s", "my father's house"),
        ("Fleet-street", "in Fleet Street"),
        ("strasse", "Straße"),
        ("STRASSE", "straße"),
        ("uber", "Über"),
        ("cafe", "cafe\u0301"),
        ("café", "CAFE"),
        ("oeuvre", "œuvre"),
        ("lodz", "Łódź"),
        ("ışık", "Işık"),
        ("fin", "ﬁn"),
        ("abc", "ＡＢＣ"),
        ("plague", "pla\u00adgue"),
        ("чума", "Чума!"),
        ("天气", "今天天气很好"),
        ("天*", "今天天气很好"),
        ("🎉", "party🎉🎉"),
        ("👍", "well done 👍🏽"),
        ("60", "£60"),
        ("£60", "due £60 to"),
        ("हिन्दी", "यह हिन्दी है"),
        ("and", "salt&and pepper"),
    ],
)
def test_it_finds(query: str, text: str) -> None:
    assert found(query, text)
    assert Query.parse(query).might_match(as_json([text]))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("plague", "plagues"),
        ("plague", "unplague"),
        ("plague bed", "the plague"),
        ("lag*", "plague"),
        ('"to bed"', "to my bed"),
        ('"to bed"', "bed to"),
        ('"to bed"', "tobed"),
        ('"to*"', "together"),
        ("£60", "60"),
        ("£60", "£ and 60"),
        ("天气", "天很气"),
        ("nbed", "\nbed"),
        ("हिन", "हिन्दी"),
    ],
)
def test_it_does_not_find(query: str, text: str) -> None:
    assert not found(query, text)


def test_terms_may_be_spread_over_the_texts_of_a_document_but_a_phrase_may_not() -> None:
    assert found("plague bed", "the plague", "to bed")
    assert not found('"to bed"', "and so to", "bed")
    assert not found("word")


@pytest.mark.parametrize("query", ["", "   ", '""', "*", "…", '"', 'a "b', "“a", "a" * 201, " ".join(f"w{n}" for n in range(17))])
def test_a_query_that_says_nothing_or_too_much_is_refused(query: str) -> None:
    with pytest.raises(InputError) as refused:
        Query.parse(query)
    assert refused.value.path == "$.query"
    assert refused.value.status == 422


def test_the_limits_themselves_are_accepted() -> None:
    Query.parse("a" * 200)
    assert len(Query.parse(" ".join(f"w{n}" for n in range(16))).terms) == 16
    assert len(Query.parse("bed Bed BED").terms) == 1


def test_repr_does_not_show_what_was_searched_for() -> None:
    assert "secret" not in repr(Query.parse("secret"))


def test_names_of_members_do_not_make_a_document_a_candidate() -> None:
    document = msgspec.json.encode({"honest_note": "", "body": 'the "body":'})
    assert Query.parse("body").might_match(document)
    assert not Query.parse("note").might_match(document)
    assert not Query.parse("hones*").might_match(document)


def test_words_behind_json_escapes_are_seen() -> None:
    for before in ["\n", "\t", "\b", "\x00", "\x1f", '"', "\\", "/", "\x7f", "\n\\\n"]:
        assert Query.parse("bed").might_match(as_json([f"to{before}bed"]))
        assert Query.parse('"to bed"').might_match(as_json([f"to{before}bed"]))


def test_a_plain_document_without_the_word_is_passed_over_even_with_curly_quotes() -> None:
    document = as_json(["“The fullness of time” — my father’s £60 …"])
    assert not Query.parse("plague").might_match(document)
    assert not Query.parse("full").might_match(document)
    assert not Query.parse('"father house"').might_match(document)


def test_a_very_long_gap_neither_fails_nor_takes_memory() -> None:
    text = "to" + " \n" * 200_000 + "bed"
    query = Query.parse('"to bed"')
    assert query.might_match(as_json([text]))
    assert query.matches([text])
    assert all(len(piece.text) < 500 for snippet in query.snippets([text]) for piece in snippet)


@example(["to\nbed"], ["bed"])
@example(["\\nbed"], ["nbed"])
@example(["to\\night"], ['"to night"'])
@example(["ⓔ"], ["e"])
@given(st.lists(written, max_size=3), asked)
def test_shortcuts_say_what_the_slow_way_says(texts: list[str], terms: list[str]) -> None:
    query = Query.parse(" ".join(terms))
    expected = found_slowly(query, texts)
    assert query.matches(texts) == expected
    if expected:
        assert query.might_match(as_json(texts))


@given(st.lists(written, min_size=1, max_size=3), st.data())
def test_every_word_of_a_document_is_found_in_it(texts: list[str], data: st.DataObject) -> None:
    words = [word for text in texts for word in slowly(text)]
    if not words:
        return
    word = data.draw(st.sampled_from(words))
    for query in (Query.parse(f'"{word}"'), Query.parse(f"{word[:100]}*")):
        assert query.matches(texts)
        assert query.might_match(as_json(texts))
        assert any(piece.marked for snippet in query.snippets(texts) for piece in snippet)


@given(written)
def test_composed_and_decomposed_spellings_have_the_same_words(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert slowly(unicodedata.normalize(form, text)) == slowly(text)


@given(written)
def test_folding_words_again_changes_nothing(text: str) -> None:
    words = slowly(text)
    assert slowly(" ".join(words)) == words


@given(written, written)
def test_folding_in_parts_is_folding_the_whole(one: str, other: str) -> None:
    assert fold(one + other) == fold(one) + fold(other) == (one + other).translate(FOLDING)


def test_every_code_page_folds_as_the_letters_do() -> None:
    for name in folding._PAGES:
        characters = bytes(range(256)).decode(name, "ignore")
        assert folding._page(name).folded(characters) == characters.translate(FOLDING)
        for character in characters:
            assert folding._page(name).folded(character) == character.translate(FOLDING)


def test_bytes_called_plain_are_part_of_no_character_that_folds() -> None:
    lead, follow = sorted(byte for byte in PLAIN if byte >= 0xC0), [byte for byte in PLAIN if 0x80 <= byte < 0xC0]
    spellings = [bytes([first, *rest]) for first in lead for length in (1, 2, 3) for rest in itertools.product(follow, repeat=length)]
    characters = [
        text for spelling in spellings if len(text := spelling.decode(errors="ignore")) == 1 and len(text.encode()) == len(spelling)
    ]
    assert "’" in characters
    assert "£" in characters
    for character in characters:
        assert character.translate(FOLDING) in {" ", f" {character} "}


def test_ascii_folds_to_lower_case_and_nothing_more() -> None:
    for character in map(chr, range(128)):
        expected = character.lower() if character.isalnum() else " $ " if character == "$" else " "
        assert character.translate(FOLDING) == expected


def test_memory_for_folded_characters_is_bounded() -> None:
    remembered = folding._Folding()
    for code in range(0x20000, 0x20400):
        assert remembered[code]
    assert not remembered


# ── snippets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def marked(query: str, *texts: str) -> list[str]:
    return [piece.text for snippet in Query.parse(query).snippets(texts) for piece in snippet if piece.marked]


@pytest.mark.parametrize(
    ("query", "text", "marks"),
    [
        ("strasse", "die Straße dort", ["Straße"]),
        ("cafe", "ein Cafe\u0301!", ["Cafe\u0301"]),
        ("plag*", "The PLAGUES came", ["PLAGUES"]),
        ('"to bed"', "so to\n bed.", ["to bed"]),
        ("father’s", "my father's house", ["father's"]),
        ("fin", "ﬁn ﬁne", ["ﬁn"]),
        ("天气", "今天天气很好", ["天气"]),
        ("👍", "👍🏽👍", ["👍🏽", "👍"]),
        ("a b", "a b a", ["a", "b", "a"]),
        ('"a b" b', "a b", ["a b"]),
        ("plague", "x" * 5000 + " ½…ß plague", ["plague"]),
    ],
)
def test_marks_stand_on_the_original_spelling(query: str, text: str, marks: list[str]) -> None:
    assert marked(query, text) == marks


def test_a_snippet_is_about_as_wide_as_asked_and_shows_where_it_was_cut() -> None:
    text = "one two three four five six seven " * 20 + "plague " + "eight nine ten " * 20
    [snippet] = Query.parse("plague").snippets([text], width=80)
    shown = "".join(piece.text for piece in snippet)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert 50 <= len(shown.strip("…")) <= 80
    assert shown.strip("…").strip() in text


def test_snippets_prefer_terms_not_yet_shown_and_keep_the_order_of_the_texts() -> None:
    text = ("plague " + "x " * 200) * 5 + "bed"
    snippets = Query.parse("plague bed").snippets([text, "bed again"], max_count=2)
    assert [[piece.text for piece in snippet if piece.marked] for snippet in snippets] == [["plague"], ["bed"]]


def test_there_are_never_more_snippets_than_asked_for() -> None:
    assert len(Query.parse("a").snippets(["a"] * 10, max_count=3)) == 3


@pytest.mark.slow
@given(st.lists(written, max_size=3), asked, st.integers(1, 60))
def test_snippets_are_cut_from_the_texts_and_never_invented(texts: list[str], terms: list[str], width: int) -> None:
    query = Query.parse(" ".join(terms))
    snippets = query.snippets(texts, max_count=sys.maxsize, width=width)
    for snippet in snippets:
        pieces = [piece.text for piece in snippet]
        shown = "".join(pieces[pieces[0] == "…" and not snippet[0].marked : len(pieces) - (pieces[-1] == "…" and not snippet[-1].marked)])
        assert any(" ".join(shown.split()) in " ".join(text.split()) for text in texts)
        assert any(piece.marked and piece.text for piece in snippet)
    if query.matches(texts):
        assert snippets
