import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.published import cases
from timos.crypto.mac import derive, equal, mac

HKDF_CASES = [case for case in cases("KDF/rfc-5869-HKDF-SHA256.txt", "count") if not case.get("salt")]
KEY = bytes(range(32))


@pytest.mark.parametrize("case", HKDF_CASES, ids=lambda case: case["count"])
def test_derive_is_hkdf_of_rfc_5869(case: dict[str, str]) -> None:
    key, info, expected = (bytes.fromhex(case.get(name, "")) for name in ("ikm", "info", "okm"))
    assert derive(key, info, len(expected)) == expected


def test_rfc_5869_has_a_case_without_salt() -> None:
    assert HKDF_CASES


def test_keys_for_two_uses_are_unrelated() -> None:
    assert len({derive(KEY, info) for info in (b"timos/1/seal", b"timos/1/index", b"")} | {KEY}) == 4


def test_mac_is_hmac_sha_256_of_the_pae() -> None:
    # the PAE of two pieces written out, so that neither the encoding nor the hash can change unseen
    encoded = b"\x02" + bytes(7) + b"\x03" + bytes(7) + b"one" + b"\x03" + bytes(7) + b"two"
    assert mac(KEY, b"one", b"two") == hmac.new(KEY, encoded, hashlib.sha256).digest()


@given(st.binary(min_size=1, max_size=20), st.integers(0, 19))
def test_a_byte_moved_to_the_next_piece_changes_the_mac(whole: bytes, cut: int) -> None:
    cut %= len(whole)
    assert mac(KEY, whole[:cut], whole[cut:]) != mac(KEY, whole[: cut + 1], whole[cut + 1 :])


def test_another_key_gives_another_mac() -> None:
    assert mac(KEY, b"text") != mac(KEY[::-1], b"text")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_equal_means_equal(left: bytes, right: bytes) -> None:
    assert equal(left, right) == (left == right)
    assert equal(left, bytes(left))
