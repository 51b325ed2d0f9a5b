import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.kernel.errors import InputError, MalformedError, StartError
from timos.web import strict_json


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    mood: int | None = None


class Day(msgspec.Struct, forbid_unknown_fields=True):
    title: str = ""
    notes: list[Note] = []
    scores: dict[str, int] = {}
    sleep: float = 0
    kind: str = msgspec.field(default="", name="sort")


class Loose(msgspec.Struct):
    title: str = ""


class Holder(msgspec.Struct, forbid_unknown_fields=True):
    inner: list[dict[str, Loose]] = []


class Tree(msgspec.Struct, forbid_unknown_fields=True):
    below: list["Tree"] = []


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"title":"a"} x',
        b'{"title":"a",}',
        b"{'title':'a'}",
        b'{"title":"a\nb"}',
        b'\xef\xbb\xbf{"title":"a"}',
        b'{"title":"\xff"}',
        b'{"title":"\xed\xa0\x80"}',
        b'{"title":"\\ud800"}',
        b'{"title":"\\uDFFF and on"}',
        b'{"title":"\\ud800\\u0041"}',
        b'{"sleep":NaN}',
        b'{"sleep":Infinity}',
        b'{"sleep":-Infinity}',
        b'{"title":"a","title":"b"}',
        b'{"title":"a","\\u0074itle":"b"}',
        b'{"notes":[{"text":"a","text":"a"}]}',
        b'{"scores":{"x":1,"y":2,"x":1}}',
        b'{"sleep":' + b"1" * 5000 + b"}",
        nested(33),
        nested(100_000),
        b'{"a":' * 33 + b"1" + b"}" * 33,
    ],
)
def test_what_two_readers_would_read_differently_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        strict_json.decode(raw, Day)


@pytest.mark.parametrize("form", [msgspec.Raw, dict[str, object], object])
def test_the_strictness_does_not_depend_on_the_type(form: type) -> None:
    for raw in (b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b'{"\\udc00":1}', b'{"a":["\\ud800 and on"]}', b'{"a":NaN}', nested(33)):
        with pytest.raises(MalformedError):
            strict_json.decode(raw, form)


def test_as_many_levels_as_allowed_are_read() -> None:
    assert strict_json.decode(nested(32), list[object])


def test_brackets_inside_of_text_are_no_levels() -> None:
    text = '[{"' * 50 + "\\"
    raw = json.dumps({"title": text}).encode()
    assert strict_json.decode(raw, Day).title == text


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.decode(b'{"title":"\\ud83d\\ude42"}', Day).title == "🙂"


def test_an_escaped_backslash_before_ud_is_only_text() -> None:
    assert strict_json.decode(b'{"title":"C:\\\\udata"}', Day).title == "C:\\udata"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b'{"title":1}', "$.title"),
        (b'{"notes":[{"text":"a"},{"text":"b","mood":"bad"}]}', "$.notes[1].mood"),
        (b'{"notes":[{}]}', "$.notes[0].text"),
        (b'{"scores":{"my secret":"x"}}', "$.scores[...]"),
        (b'{"sort":5}', "$.sort"),
        (b'{"sleep":1e999}', "$.sleep"),
        (b"[]", "$"),
        (b"null", "$"),
    ],
)
def test_the_first_wrong_field_is_named(raw: bytes, path: str) -> None:
    with pytest.raises(InputError) as caught:
        strict_json.decode(raw, Day)
    assert not isinstance(caught.value, MalformedError)
    assert caught.value.path == path


@pytest.mark.parametrize("raw", [b'{"tilte":"a"}', b'{"notes":[{"text":"a","mod":1}]}'])
def test_an_unknown_field_is_refused_however_deep(raw: bytes) -> None:
    with pytest.raises(InputError, match="not known"):
        strict_json.decode(raw, Day)


@given(st.text(min_size=1), st.sampled_from([1, None, "x", [1], {"a": 1}]))
def test_no_error_repeats_what_was_sent(words: str, value: object) -> None:
    canary = f"Kanarienvogel {words}"
    for document in (
        {canary: value},
        {"notes": [{canary: value}]},
        {"scores": {canary: "x"}},
        {"sleep": canary},
        {"notes": canary},
        [canary],
    ):
        with pytest.raises(InputError) as caught:
            strict_json.decode(json.dumps(document).encode(), Day)
        assert "Kanarienvogel" not in f"{caught.value} {caught.value.path}"


def test_a_name_that_looks_like_a_place_is_not_taken_for_one() -> None:
    with pytest.raises(InputError) as caught:
        strict_json.decode(b'{"x` - at `$.secret":1}', Day)
    assert caught.value.path == "$"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_every_sound_document_is_read_as_it_is(document: object) -> None:
    assert strict_json.decode(json.dumps(document).encode(), object) == document


@pytest.mark.parametrize("form", [Loose, Holder, Loose | None])
def test_a_type_that_would_drop_fields_in_silence_stops_the_start(form: type) -> None:
    with pytest.raises(StartError, match="forbid_unknown_fields"):
        strict_json.check_type(form)


@pytest.mark.parametrize("form", [Day, Tree, dict[str, object], msgspec.Raw, Day | None])
def test_strict_types_are_taken_recursive_ones_too(form: type) -> None:
    strict_json.check_type(form)
