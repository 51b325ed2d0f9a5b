import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.crypto.padding import pad, unpad
from timos.kernel.errors import DecryptionError


@given(st.binary(max_size=4000))
def test_padding_comes_off_again(data: bytes) -> None:
    assert unpad(pad(data)) == data


@given(st.binary(max_size=600), st.integers(0, 600), st.integers(1, 600))
def test_texts_that_end_like_padding_survive(data: bytes, zeros: int, marks: int) -> None:
    for tricky in (data + bytes(zeros), data + b"\x80" + bytes(zeros), data + b"\x80" * marks):
        assert unpad(pad(tricky)) == tricky


@given(st.integers(0, 16383))
def test_up_to_16_kib_there_are_six_sizes(size: int) -> None:
    padded = len(pad(bytes(size)))
    assert padded in {512, 1024, 2048, 4096, 8192, 16384}
    assert padded > size
    assert padded == 512 or padded // 2 <= size


@given(st.integers(16384, 3_000_000))
def test_above_that_an_eighth_is_wasted_at_most(size: int) -> None:
    padded = len(pad(bytes(size)))
    assert size < padded <= size + 1 + size // 8


@pytest.mark.parametrize(
    ("size", "padded"),
    [
        (0, 512),
        (511, 512),
        (512, 1024),
        (1023, 1024),
        (1024, 2048),
        (16383, 16384),
        (16384, 17408),
        (17407, 17408),
        (17408, 18432),
        (1048575, 1048576),
    ],
)
def test_sizes_do_not_change(size: int, padded: int) -> None:
    assert len(pad(bytes(size))) == padded


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_longer_text_is_never_padded_to_less(left: int, right: int) -> None:
    shorter, longer = sorted((left, right))
    assert len(pad(bytes(shorter))) <= len(pad(bytes(longer)))


@pytest.mark.parametrize("data", [b"", b"\0", bytes(512), b"text", b"text\x80\0\0x", b"\x80\x01\0"])
def test_what_was_never_padded_is_refused(data: bytes) -> None:
    with pytest.raises(DecryptionError):
        unpad(data)
