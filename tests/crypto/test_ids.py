"""The written form of an id is one text for each id, and only that text is taken."""

from hypothesis import given
from hypothesis import strategies as st

from timos.kernel.ids import bytes_of, text_of


@given(st.binary(min_size=16, max_size=16))
def test_an_id_can_be_written_and_read(value: bytes) -> None:
    assert bytes_of(text_of(value)) == value
    assert len(text_of(value)) == 22


@given(st.text(max_size=30))
def test_a_text_is_an_id_only_in_its_one_spelling(text: str) -> None:
    value = bytes_of(text)
    assert value is None or text_of(value) == text


@given(st.binary(min_size=16, max_size=16), st.sampled_from(["=", "==", "\n", " ", "A", "é"]))
def test_nothing_may_stand_around_an_id(value: bytes, extra: str) -> None:
    assert bytes_of(text_of(value) + extra) is None
    assert bytes_of(extra + text_of(value)) is None


@given(st.binary(max_size=40).filter(lambda value: len(value) != 16))
def test_an_id_of_another_length_is_none(value: bytes) -> None:
    assert bytes_of(text_of(value)) is None
