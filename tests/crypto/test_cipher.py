"""A sealed record opens at its own place, whole and untouched, or not at all; and PAE never confuses two lists."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto import oracle
from timos.crypto.cipher import RecordCipher, pae, salt_of
from timos.crypto.mac import derive
from timos.crypto.padding import pad
from timos.kernel.errors import DecryptionError

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
PLACE = pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"i" * 16, b"t" * 16)
TEXT = "Vandaag was het stil. 🌊".encode()
PIECES = st.lists(st.binary(max_size=40), max_size=6)


def unpae(encoded: bytes) -> list[bytes]:
    """The inverse, which exists only because PAE is injective."""
    count, rest = int.from_bytes(encoded[:8], "little"), encoded[8:]
    pieces = []
    for _ in range(count):
        length = int.from_bytes(rest[:8], "little")
        pieces.append(rest[8 : 8 + length])
        rest = rest[8 + length :]
    assert not rest
    return pieces


@given(PIECES)
def test_pae_can_be_read_back(pieces: list[bytes]) -> None:
    assert unpae(pae(*pieces)) == pieces


@given(PIECES, PIECES)
def test_pae_of_two_lists_is_equal_only_for_equal_lists(left: list[bytes], right: list[bytes]) -> None:
    assert (pae(*left) == pae(*right)) == (left == right)


@given(st.binary(min_size=1, max_size=20), st.integers(0, 20))
def test_pae_notices_where_one_piece_ends(whole: bytes, cut: int) -> None:
    splits = {pae(whole[:at], whole[at:]) for at in range(len(whole) + 1)} | {pae(whole), pae(whole, b""), pae(b"", whole)}
    assert len(splits) == len(whole) + 2  # the two with an empty piece are splits too
    assert pae(whole[:cut], whole[cut:]) in splits


def test_pae_gives_what_paseto_prints() -> None:
    assert pae() == bytes(8)
    assert pae(b"") == b"\x01" + bytes(15)
    assert pae(b"test") == b"\x01" + bytes(7) + b"\x04" + bytes(7) + b"test"


@given(plaintext=st.binary(max_size=3000), place=st.binary(max_size=100))
def test_a_record_opens_at_its_place(plaintext: bytes, place: bytes) -> None:
    cipher = RecordCipher({1: ONE}, 1)
    assert cipher.open(cipher.seal(plaintext, place), place) == plaintext


@given(plaintext=st.binary(max_size=3000))
def test_a_record_is_the_documented_bytes(plaintext: bytes) -> None:
    header = b"\x01" + (7).to_bytes(4, "big")
    sealed = RecordCipher({7: ONE}, 7).seal(plaintext, PLACE)
    assert sealed[:5] == header
    assert oracle.unseal(derive(ONE, b"timos/1/seal"), header + PLACE, sealed[5:]) == pad(plaintext)


def test_every_flipped_bit_is_refused() -> None:
    cipher = RecordCipher({0: TWO, 1: ONE}, 1)
    sealed = cipher.seal(TEXT, PLACE)
    for position in range(len(sealed) * 8):
        forged = bytearray(sealed)
        forged[position // 8] ^= 1 << position % 8
        with pytest.raises(DecryptionError):
            cipher.open(bytes(forged), PLACE)


def test_every_shorter_and_longer_record_is_refused() -> None:
    cipher = RecordCipher({1: ONE}, 1)
    sealed = cipher.seal(TEXT, PLACE)
    for forged in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0", sealed + bytes(16), sealed * 2]:
        with pytest.raises(DecryptionError):
            cipher.open(forged, PLACE)


OTHER_PLACES = {
    "vault": pae(b"timos.vault/1", b"w" * 16, b"daily_entries", b"i" * 16, b"t" * 16),
    "table": pae(b"timos.vault/1", b"v" * 16, b"feels_entries", b"i" * 16, b"t" * 16),
    "id": pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"j" * 16, b"t" * 16),
    "tag": pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"i" * 16, b"u" * 16),
    "no tag": pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"i" * 16, b""),
    "tag and id exchanged": pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"t" * 16, b"i" * 16),
    "fewer pieces": pae(b"timos.vault/1", b"v" * 16, b"daily_entries", b"i" * 16),
    "format": pae(b"timos.vault/2", b"v" * 16, b"daily_entries", b"i" * 16, b"t" * 16),
    "nothing": b"",
}


@pytest.mark.parametrize("moved", OTHER_PLACES)
def test_a_record_moved_to_another_place_does_not_open(moved: str) -> None:
    cipher = RecordCipher({1: ONE}, 1)
    with pytest.raises(DecryptionError):
        cipher.open(cipher.seal(TEXT, PLACE), OTHER_PLACES[moved])


def test_a_record_of_an_older_version_opens_and_new_ones_get_the_newest() -> None:
    before, after = RecordCipher({1: ONE}, 1), RecordCipher({1: ONE, 2: TWO}, 2)
    assert after.open(before.seal(TEXT, PLACE), PLACE) == TEXT
    assert after.seal(TEXT, PLACE)[1:5] == (2).to_bytes(4, "big")
    assert after.primary == 2


def test_a_record_of_an_unknown_version_or_format_is_refused() -> None:
    sealed = RecordCipher({2: TWO}, 2).seal(TEXT, PLACE)
    with pytest.raises(DecryptionError):
        RecordCipher({1: ONE}, 1).open(sealed, PLACE)
    with pytest.raises(DecryptionError):
        RecordCipher({2: TWO}, 2).open(b"\x02" + sealed[1:], PLACE)


def test_a_record_relabelled_to_another_version_with_the_same_key_is_refused() -> None:
    cipher = RecordCipher({1: ONE, 2: ONE}, 1)
    sealed = cipher.seal(TEXT, PLACE)
    with pytest.raises(DecryptionError):
        cipher.open(b"\x01" + (2).to_bytes(4, "big") + sealed[5:], PLACE)


def test_what_was_authentic_but_never_padded_is_refused() -> None:
    header = b"\x01" + (1).to_bytes(4, "big")
    for unpadded in (b"", b"no mark", bytes(512), b"\x80 and more"):
        forged = header + oracle.seal(derive(ONE, b"timos/1/seal"), header + PLACE, bytes(24), unpadded)
        with pytest.raises(DecryptionError):
            RecordCipher({1: ONE}, 1).open(forged, PLACE)


def test_the_error_says_nothing_about_the_cause() -> None:
    cipher, texts = RecordCipher({1: ONE}, 1), set()
    sealed = cipher.seal(TEXT, PLACE)
    for forged, place in (
        (b"", PLACE),
        (sealed[:40], PLACE),
        (sealed, b""),
        (b"\x09" + sealed[1:], PLACE),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), PLACE),
    ):
        with pytest.raises(DecryptionError) as caught:
            cipher.open(forged, place)
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_the_salt_is_24_bytes_and_new_each_time() -> None:
    cipher = RecordCipher({1: ONE}, 1)
    first, second = cipher.seal(TEXT, PLACE), cipher.seal(TEXT, PLACE)
    assert salt_of(first) == first[5:29] != salt_of(second)
    with pytest.raises(DecryptionError):
        salt_of(first[:28])


def test_diary_texts_show_six_lengths_only() -> None:
    cipher = RecordCipher({1: ONE}, 1)
    lengths = sorted({len(cipher.seal(bytes(size), PLACE)) for size in range(0, 16384, 97)})
    assert len(lengths) == 6
    assert all(longer > shorter for shorter, longer in pairwise(lengths))
