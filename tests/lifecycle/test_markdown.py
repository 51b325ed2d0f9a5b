"""Daily notes of others: the right day, every word, and no trust in the zip that they come in."""

import io
import re
import zipfile
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timos.kernel.errors import InputError, MalformedError, TooLargeError
from timos.lifecycle.formats.markdown import folder, joining
from timos.lifecycle.formats.markdown.days import named
from timos.lifecycle.formats.markdown.folder import read_markdown
from timos.lifecycle.formats.markdown.page import MAX_PAGE_BYTES, Page, Refusal, shown
from timos.vault.collections.daily_entries import DailyEntry

DAY = date(2026, 11, 22)  # a Sunday


def packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def read(files: dict[str, str]) -> list[Page | Refusal]:
    return list(read_markdown(packed({name: text.encode() for name, text in files.items()})))


def page(text: str, name: str = "2026-11-22.md") -> Page:
    [found] = read({name: text})
    assert isinstance(found, Page)
    return found


def body(text: str, name: str = "2026-11-22.md") -> str:
    return page(text, name).body


def joined(*texts: str) -> Page:
    """The texts as files of one day, in this order."""
    found = joining.joined(DAY, iter([(f"{number}/2026-11-22.md", text) for number, text in enumerate(texts)]))
    [one] = found
    assert isinstance(one, Page)
    return one


# ── the day ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("2026-11-22.md", ""),
        ("2026_11_22.MD", ""),
        ("20261122.md", ""),
        ("a/b/2026-11-22.md", ""),
        ("2026-11-22 Sunday.md", "Sunday"),
        ("2026-11-22, Sun.md", "Sun"),
        ("2026-11-22-dimanche.md", "dimanche"),
        ("2026-11-22_Trip to Rome.md", "Trip to Rome"),
        ("2026-11-22 2nd walk 12345678.md", "2nd walk 12345678"),
    ],
)
def test_the_day_stands_at_the_start_of_the_name(path: str, rest: str) -> None:
    assert named(path) == (DAY, rest)


@pytest.mark.parametrize(
    "stem",
    [
        "22.11.2026",
        "11-22-2026",
        "2026-11",
        "2026-W47",
        "2026-11_22",
        "2026-1122",
        "202611221830",
        "2026-11-221",
        "2026-11-22T18",
        "2026-11-31",
        "0026-11-22",
        "٢٠٢٦-11-22",
        "2026-11-22 - 2026-11-25",
        "Drawing 2026-11-22",
        "Rome",
        "",
    ],
)
def test_a_name_that_could_mean_another_day_or_none_is_not_guessed_at(stem: str) -> None:
    assert named(f"2026/{stem}.md") == (None, stem)


@pytest.mark.parametrize(
    "line",
    [
        "date: 2026-11-22",
        'Date: "2026-11-22"',
        "created: 2026-11-22",
        "created: '2026-11-22'",
        "created: 2026-11-22 18:30",
        "created: 2026-11-22T18:30:59.123Z",
        "date: 2026-11-22T00:30+02:00",
        "created: 2020-01-01\ndate: 2026-11-22",
        "date:\ncreated: 2026-11-22",
        "date: yesterday\ncreated: 2026-11-22",
        "date: 2026-11-31\ncreated: 2026-11-22",
        "date: 2026-11-22\ndate: 2020-01-01",
    ],
)
def test_without_one_in_the_name_the_day_is_taken_from_the_front_matter(line: str) -> None:
    assert page(f"---\n{line}\n---\nwords\n", "Rome.md").day == DAY


@pytest.mark.parametrize(
    "text",
    [
        "hidden words",
        "date: 2026-11-22\nhidden words",
        "---\ndate: 2026-11-22\nhidden words",
        "---\ndate: 22.11.2026\n---\nhidden words",
        "---\ndate: 2026-11-22 hidden\n---\n",
        "---\ndate: [2026-11-22, 2026-11-23\n---\n",
        "---\ndate: |\n  2026-11-22\n---\n",
        '---\ndate: "[[2026-11-22]]"\n---\n',
        "\n---\ndate: 2026-11-22\n---\n",
    ],
)
def test_a_file_without_a_day_is_refused_without_repeating_it(text: str) -> None:
    [refused] = read({"Rome.md": text})
    assert isinstance(refused, Refusal)
    assert (refused.path, refused.day) == ("Rome.md", None)
    assert "no day" in refused.reason
    assert "hidden" not in refused.reason


def test_the_name_counts_more_than_the_front_matter_which_then_stays() -> None:
    found = page("---\ndate: 2020-01-01\n---\nwords")
    assert (found.day, found.body) == (DAY, "date: 2020-01-01\n\nwords")


# ── the text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "words\n",
        "  two\n\n\twords  \n\n\n",
        "See [[Rome]], [[Rome#Food|food]] and ![[photo.jpg]].",
        "## Morning\nwords",
        "words\n# not first",
        "    # code",
        "#tag first",
        "---\n\nbetween two rules\n\n---\nwords",
        "---\nnever closed: yes",
        "---\n- a list\n---\n",
        "old\rline ends\x0bof\u2028others\x00",
    ],
)
def test_a_text_without_title_and_front_matter_is_kept_exactly(text: str) -> None:
    assert page(text) == Page("2026-11-22.md", DAY, "", text, ("tag",) if "#tag" in text else ())


def test_a_byte_order_mark_and_crlf_are_not_part_of_the_text() -> None:
    assert body("\ufeff---\r\ntitle: Rome\r\n---\r\none\r\ntwo\r\n") == "one\ntwo\n"


@pytest.mark.parametrize(
    ("front", "left"),
    [
        ("date: 2026-11-22", ""),
        ("date:", ""),
        ("date: 2026-11-22T18:30", "date: 2026-11-22T18:30"),
        ("created: 2026-11-21", "created: 2026-11-21"),
        ("title: Rome", ""),
        ("tags: [a, b]", ""),
        ("tags:\n  - a\n- b", ""),
        ("tags: a, b c", ""),
        ("tags: []", ""),
        ("tags: [a, 'b'", "tags: [a, 'b'"),
        ("tags: {a: 1}", "tags: {a: 1}"),
        ("tags: &anchor a", "tags: &anchor a"),
        ("tags: a # a remark", "tags: a # a remark"),
        ("tags:\n  - a\n  # a remark", "tags:\n  - a\n  # a remark"),
        ("tags:\n  a", "tags:\n  a"),
        (f"tags: [a, {'b' * 65}]", f"tags: [a, {'b' * 65}]"),
        (f"title: {'b' * 201}", f"title: {'b' * 201}"),
        ("mood: good\ndate: 2026-11-22\nweather:\n  - rain\n  - wind", "mood: good\nweather:\n  - rain\n  - wind"),
        ("text: |\n  one\n\n  two", "text: |\n  one\n\n  two"),
        ("title: a\ntitle: b", "title: b"),
    ],
)
def test_only_what_the_page_says_anyway_leaves_the_front_matter(front: str, left: str) -> None:
    assert body(f"---\n{front}\n---\n\nwords\n") == (f"{left}\n\nwords\n" if left else "words\n")
    assert body(f"---\n{front}\n...\n## words") == (f"{left}\n\n## words" if left else "## words")


# ── the title ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "title", "left"),
    [
        ("# Rome\n\nwords", "Rome", "words"),
        ("\n \n#   Rome ##  \nwords\n", "Rome", "words\n"),
        ("# C#", "C#", ""),
        ("# Rome", "Rome", ""),
        ("# \nwords", "", "# \nwords"),
        ("#Rome\nwords", "", "#Rome\nwords"),
        ("# 2026-11-22\nwords", "", "# 2026-11-22\nwords"),
        ("# Sunday, 2026-11-22\nwords", "", "# Sunday, 2026-11-22\nwords"),
        ("# November 22nd, 2026\nwords", "", "# November 22nd, 2026\nwords"),
        ("# 22/11/2026\nwords", "", "# 22/11/2026\nwords"),
        ("# November in Rome\nwords", "November in Rome", "words"),
        ("# 2026-11-23\nwords", "2026-11-23", "words"),
        (f"# {'a' * 200}\nwords", "a" * 200, "words"),
        (f"# {'a' * 201}\nwords", "", f"# {'a' * 201}\nwords"),
        ("---\ntitle: Rome\n---\nwords", "Rome", "words"),
        ("---\ntitle: Rome\n---\n# Rome\nwords", "Rome", "words"),
        ("---\ntitle: Paris\n---\n# Rome\nwords", "Rome", "title: Paris\n\nwords"),
        ("---\ntitle: Rome\n---\n# Sunday\nwords", "Rome", "# Sunday\nwords"),
        ("---\ntitle: 2026-11-22\n---\nwords", "", "title: 2026-11-22\n\nwords"),
        ("---\ntitle: [Rome, Paris]\n---\nwords", "Rome", "title: [Rome, Paris]\n\nwords"),
    ],
)
def test_a_title_is_a_first_heading_or_in_the_front_matter(text: str, title: str, left: str) -> None:
    found = page(text)
    assert (found.title, found.body) == (title, left)


@pytest.mark.parametrize(
    ("path", "text", "title"),
    [
        ("2026-11-22 Sunday.md", "words", ""),
        ("2026-11-22 Rome.md", "words", "Rome"),
        ("2026-11-22 Rome.md", "# Paris\nwords", "Paris"),
        ("Rome.md", "---\ndate: 2026-11-22\n---\nwords", "Rome"),
    ],
)
def test_a_name_that_says_more_than_the_day_is_a_title_for_want_of_another(path: str, text: str, title: str) -> None:
    [found] = joining.joined(DAY, iter([(path, text)]))
    assert isinstance(found, Page)
    assert (found.title, found.body) == (title, "words")


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#one and #two/three, #four-5_6.", ("one", "two/three", "four-5_6")),
        ("#Rome #rome #ROME", ("Rome",)),
        ("# Heading #in\n## Sub\n#after", ("in", "after")),
        ("#été #日本、 #हिन्दी #e\u0301a #🎉", ("été", "日本", "हिन्दी", "e\u0301a", "🎉")),
        ("#12 #1-2 #a12", ("a12",)),
        ("a#b ##c \\#d (#e) &#39; [f](#g)", ()),
        ("https://example.org/#h and [[Rome #i]] and [[#j]]", ()),
        ("`#k` and `` ` #l `` but ` #m", ("m",)),
        ("```\n#n\n```\n#o\n~~~~ c\n#p\n~~~\n#q\n~~~~\n#r", ("o", "r")),
        ("```\n#s never closed", ()),
        ("```#t``` #u", ("u",)),
        ("> ```\n> #v\n> ```\n> #w", ("w",)),
        ("words\n\n    #x\n\twords\n\n#y", ("y",)),
        ("- one\n\n    #z\n\n  - two\n\t#zz\n", ("z", "zz")),
        ("words\n    #goes-on", ("goes-on",)),
        (f"#{'a' * 64} #{'b' * 65}", ("a" * 64,)),
        ("---\ntags: [x, '#y', a b, 2026]\n---\n#z #X", ("x", "y", "a b", "2026", "z")),
        ("---\ntags: x, y z\n---\n", ("x", "y", "z")),
        ("---\ntags:\n- x y\n-  z\n---\n", ("x y", "z")),
        ("---\nmood: #x\n---\nwords", ()),
    ],
)
def test_tags_come_from_the_front_matter_and_from_prose(text: str, tags: tuple[str, ...]) -> None:
    assert page(text).tags == tags


def test_the_fifty_first_tag_stays_in_the_text_only() -> None:
    found = page(" ".join(f"#t{number}" for number in range(51)))
    assert found.tags == tuple(f"t{number}" for number in range(50))
    assert found.body.endswith("#t50")
    listed = ", ".join(f"t{number}" for number in range(51))
    found = page(f"---\ntags: [{listed}]\n---\nwords")
    assert (len(found.tags), found.body) == (50, f"tags: [{listed}]\n\nwords")


# ── several files of one day ─────────────────────────────────────────────────────────────────────────────────────────


def test_files_of_one_day_are_joined_in_the_order_of_their_paths() -> None:
    files = {
        "b/2026-11-22.md": "# Third\n\n#c\n",
        "2026-11-22-b.md": "---\ntitle: Second\nmood: good\n---\ntwo #b\n\n",
        "2026-11-22.md": "# First\none #a\n",
    }
    text = "one #a\n\n---\n\ntitle: Second\nmood: good\n\ntwo #b\n\n---\n\n# Third\n\n#c"
    assert read(files) == [Page("2026-11-22.md and 2 more", DAY, "First", text, ("a", "b", "c"))]


def test_a_later_file_keeps_its_name_as_a_heading() -> None:
    found = [("2026-11-22.md", "one"), ("2026-11-22 Rome.md", "two"), ("2026-11-22 Paris.md", "# Home\nthree")]
    assert list(joining.joined(DAY, iter(found))) == [
        Page("2026-11-22.md and 2 more", DAY, "", "one\n\n---\n\n# Rome\n\ntwo\n\n---\n\n# Home\nthree", ())
    ]


def test_a_rule_between_two_texts_makes_no_heading_of_the_first() -> None:
    assert joined("one", "two").body == "one\n\n---\n\ntwo"


def test_tags_that_no_longer_fit_stay_in_the_front_matter() -> None:
    full = " ".join(f"#t{number}" for number in range(50))
    found = joined(full, "---\ntags: [late]\n---\nwords", "---\ntags: [T1]\n---\nwords")
    assert found.body == f"{full}\n\n---\n\ntags: [late]\n\nwords\n\n---\n\nwords"


def test_a_file_for_which_the_day_has_no_room_is_refused_alone() -> None:
    half = "a" * (MAX_PAGE_BYTES // 2)
    files = [("a/2026-11-22.md", half), ("b/2026-11-22.md", half), ("c/2026-11-22.md", "words")]
    assert list(joining.joined(DAY, iter(files))) == [
        Refusal("b/2026-11-22.md", "With this file the day would be over 1 MiB.", DAY),
        Page("a/2026-11-22.md and 1 more", DAY, "", f"{half}\n\n---\n\nwords", ()),
    ]


@pytest.mark.parametrize("text", ["", "\n \n\t", "\ufeff", "---\n---\n", "---\ndate: 2026-11-22\ntags: []\n---\n\n"])
def test_an_empty_file_makes_no_day(text: str) -> None:
    assert read({"2026-11-22.md": text}) == [Refusal("2026-11-22.md", "The file is empty.", DAY)]


# ── the zip ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_days_come_in_their_order_after_the_files_without_one() -> None:
    found = read({"2026-11-23.md": "b", "2026-11-22.md": "a", "a/Rome.md": "c"})
    assert [each.path for each in found] == ["a/Rome.md", "2026-11-22.md", "2026-11-23.md"]


def test_what_is_no_note_is_passed_over_and_counted() -> None:
    others = ["photo.jpg", "2026-11-21.txt", "Templates/2026-11-20.md", "a/template/2026-11-19.md"]
    raw = packed({"2026-11-22.md": b"words", "a/": b""} | dict.fromkeys(others, b"\xff"))
    assert [each.path for each in read_markdown(raw)] == ["2026-11-22.md"]


@pytest.mark.parametrize(
    ("path", "is_note"),
    [
        ("Journal/2026-11-22 Sunday.md", True),
        ("My templates/a.md", True),
        ("Templates.md", True),
        (".obsidian/a.md", False),
        ("a/.trash/2026-11-22.md", False),
        ("a/._2026-11-22.md", False),
        (".md", False),
        ("a/_Templates/b/c.md", False),
        ("a.markdown", False),
    ],
)
def test_hidden_files_and_templates_are_no_notes(path: str, *, is_note: bool) -> None:
    assert folder._is_note(path) is is_note


@pytest.mark.parametrize("content", [b"\xff hidden words", b"\xed\xa0\x80", "words".encode("utf-16")])
def test_a_file_that_is_not_utf_8_is_refused_and_hides_no_other(content: bytes) -> None:
    found = list(read_markdown(packed({"2026-11-21.md": content, "2026-11-22.md": b"words"})))
    assert found == [Refusal("2026-11-21.md", "The file is not UTF-8."), Page("2026-11-22.md", DAY, "", "words", ())]


def test_a_file_over_the_size_of_a_page_is_refused_before_it_is_unpacked() -> None:
    found = read({"2026-11-21.md": "a" * (MAX_PAGE_BYTES + 1), "2026-11-22.md": "a" * MAX_PAGE_BYTES})
    assert [(type(each), each.path) for each in found] == [(Refusal, "2026-11-21.md"), (Page, "2026-11-22.md")]


def test_all_files_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = packed({"2026-11-21.md": b"a" * 60, "2026-11-22.md": b"b" * 60})
    monkeypatch.setattr(folder, "MAX_TOTAL_BYTES", 120)
    assert len(list(read_markdown(raw))) == 2
    monkeypatch.setattr(folder, "MAX_TOTAL_BYTES", 119)
    with pytest.raises(TooLargeError):
        next(read_markdown(raw))


def test_nothing_of_a_damaged_zip_is_given() -> None:
    raw = bytearray(packed({"2026-11-21.md": b"words", "2026-11-22.md": b"other words"}))
    raw[raw.index(b"2026-11-22.md") + len("2026-11-22.md") + 3] ^= 1
    with pytest.raises(InputError):
        next(read_markdown(bytes(raw)))
    with pytest.raises(MalformedError):
        next(read_markdown(b"# no zip"))


def test_a_name_is_shown_without_what_a_terminal_or_page_would_obey() -> None:
    assert shown("a\x1b[2J\u202e\u00a0é 日.md") == "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} é 日.md"


def test_people_name_their_notes_as_they_like() -> None:
    names = [".obsidian/app.json", "Über Tage/2026-11-22, Samstag – ü.md", "__MACOSX/._2026-11-22.md", "My photo 1.jpg", "Icon\r"]
    raw = packed(dict.fromkeys(names, b"words"))
    assert [(each.path, each.day) for each in read_markdown(raw)] == [(names[1], DAY)]


def test_a_name_in_an_old_code_page_is_read_as_one() -> None:
    raw = packed({"2026-11-22 Z_rich.md": b"words"}).replace(b"Z_rich", b"Z\x81rich")
    assert [each.path for each in read_markdown(raw)] == ["2026-11-22 Zürich.md"]


@pytest.mark.parametrize("name", ["/2026-11-22.md", "../2026-11-22.md", "a/../2026-11-22.md", "a//2026-11-22.md", "a/./2026-11-22.md"])
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        next(read_markdown(packed({name: b"words"})))


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────

MARKS = ["---\n", "# ", "## ", "#", "```\n", "`", "    ", "- ", "WORD", "WORD", "WORD ", ", ", "\n", "\n\n", "[[", "]]"]
FIELDS = [
    "key: WORD",
    "tags: WORD WORD",
    "tags: [WORD, 'WORD']",
    "tags:",
    "- WORD",
    "  - WORD",
    "title: WORD",
    "title: 'WORD",
    "# WORD",
    "",
]
FIELDS += ["created: 2026-11-22 WORD", "date: WORD", "tags: [WORD", "key: [WORD, WORD]", "title: [WORD, WORD]", "title:", "  WORD"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Markdown, more or less; no two of its words are the same."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=6))
    front = "\n".join(["---", *fields, "---\n"]) if fields else ""
    text = front + "".join(draw(st.lists(st.sampled_from(MARKS), max_size=12)))
    number = draw(st.integers(0, 10**6))
    return re.sub("WORD", lambda found: f"w{number}w{found.start()}w", text)


words = st.text(st.characters(categories=["L"]), min_size=1, max_size=8)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(texts() | st.text(max_size=40), min_size=1, max_size=4))
def test_every_page_is_a_valid_entry_and_every_file_has_an_end(found: list[str]) -> None:
    for each in joining.joined(DAY, iter([(f"{number}/2026-11-22.md", text) for number, text in enumerate(found)])):
        if isinstance(each, Page):
            fields = {"day": each.day, "title": each.title, "body": each.body, "tags": each.tags}
            msgspec.convert(fields, DailyEntry)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(texts(), min_size=1, max_size=3))
def test_every_word_is_in_the_title_the_tags_or_the_text(found: list[str]) -> None:
    kept = ""
    for each in joining.joined(DAY, iter([(f"{number}/2026-11-22.md", text) for number, text in enumerate(found)])):
        kept += "".join((each.title, *each.tags, each.body)) if isinstance(each, Page) else ""
    for word in re.findall("w[0-9]+w[0-9]+w", "".join(found)):
        assert word in kept


@pytest.mark.slow
@settings(max_examples=40)
@given(st.dictionaries(words, words, max_size=5), st.lists(words, max_size=4), words)
def test_front_matter_that_was_written_is_read(others: dict[str, str], tags: list[str], text: str) -> None:
    front = "".join(f"x{key}: {value}\n" for key, value in others.items())
    found = page(f"---\n{front}tags: [{', '.join(tags)}]\n---\n{text}")
    assert {tag.casefold() for tag in found.tags} == {tag.casefold() for tag in tags}
    assert found.body == (f"{front.strip()}\n\n{text}" if front else text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "---\n" + "a:\n" * 50_000 + "---\n",
        "---\n" + "tags: a\n" * 30_000 + "---\n",
        "`" * 900_000,
        " ".join("`" * number for number in range(1, 1300)),
        "` " * 400_000,
        "[[" * 400_000,
        "#" * 900_000,
        "# " + " #" * 400_000,
        " \n" * 400_000 + " ",
        "> " * 400_000,
        "a" * 900_000,
    ],
    ids=range(11),
)
def test_a_hostile_text_takes_no_longer_than_another_of_its_length(text: str) -> None:
    [found] = read({"2026-11-22.md": text})  # quadratic time would be hours here, which nobody overlooks
    assert found.day == DAY
