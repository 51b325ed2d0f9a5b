"""The keyfile: made once, private, complete, replaced as a whole; and a key that cannot be random is not used."""

import asyncio
import json
import os
import resource
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from timos.crypto.kms import local
from timos.crypto.kms.local import LocalKeys
from timos.crypto.kms.provider import KeyProvider
from timos.kernel.errors import DecryptionError, StartError

NOVEMBER_MS = 1_795_348_800_000  # 2026-11-22
DECEMBER_MS = NOVEMBER_MS + 14 * 86_400_000
KEY = bytes.fromhex("8f3a5c0e9b7d42611f8e0c2d4a6b9370d5e7f1183c4b6a920e5d7f8091a2b3c4")


class Stopped:
    """A clock that stands still."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return 0.0


NOVEMBER, DECEMBER = Stopped(NOVEMBER_MS), Stopped(DECEMBER_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.json"


def write(path: Path, content: object, *, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    path.chmod(mode)
    return path


def keyfile(key: bytes, *, ref: str = "local:2026-11", primary: str = "local:2026-11") -> dict[str, object]:
    return {"format": "timos.keyfile/1", "primary": primary, "keys": {ref: b64encode(key).decode()}}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_keyfile_is_private_and_gives_the_keys_back(path: Path) -> None:
    made = LocalKeys.create(path, NOVEMBER)
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert made.primary == "local:2026-11"
    loaded = LocalKeys.load(path)
    assert (loaded.primary, loaded.refs) == (made.primary, made.refs)
    ref, edk = asyncio.run(made.encrypt(b"k" * 64))
    assert asyncio.run(loaded.decrypt(ref, edk)) == b"k" * 64


def test_a_new_keyfile_is_private_under_any_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        LocalKeys.create(path, NOVEMBER)
    finally:
        os.umask(before)
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_a_keyfile_that_is_there_is_never_overwritten(path: Path) -> None:
    LocalKeys.create(path, NOVEMBER)
    before = path.read_bytes()
    with pytest.raises(StartError, match="already"):
        LocalKeys.create(path, DECEMBER)
    assert path.read_bytes() == before


def test_a_dangling_link_is_not_followed_when_a_keyfile_is_made(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError):
        LocalKeys.create(path, NOVEMBER)
    assert not (tmp_path / "elsewhere").exists()


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel refuses every byte that this process would write to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_keyfile_that_could_not_be_written_leaves_nothing_behind(path: Path) -> None:
    with full_disk(), pytest.raises(StartError, match="cannot be written"):
        LocalKeys.create(path, NOVEMBER)
    assert list(path.parent.iterdir()) == []


def test_a_version_that_could_not_be_written_leaves_the_keyfile_as_it_was(path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    before = path.read_bytes()
    with full_disk(), pytest.raises(StartError, match="cannot be written"):
        keys.add_version(path, DECEMBER)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert (keys.primary, keys.refs) == ("local:2026-11", ("local:2026-11",))


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(StartError, match="not touched"):
        LocalKeys.create(tmp_path / "file" / "master.json", NOVEMBER)


def test_two_keyfiles_have_unrelated_keys(tmp_path: Path) -> None:
    one, two = LocalKeys.create(tmp_path / "one", NOVEMBER), LocalKeys.create(tmp_path / "two", NOVEMBER)
    ref, edk = asyncio.run(one.encrypt(KEY))
    with pytest.raises(DecryptionError):
        asyncio.run(two.decrypt(ref, edk))


def test_a_missing_keyfile_stops_the_start_and_is_not_made(path: Path) -> None:
    with pytest.raises(StartError, match="no master key"):
        LocalKeys.load(path)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_keyfile_that_others_can_use_stops_the_start(path: Path, mode: int) -> None:
    with pytest.raises(StartError, match="chmod 600"):
        LocalKeys.load(write(path, keyfile(KEY), mode=mode))


def test_a_keyfile_that_its_owner_can_only_read_is_fine(path: Path) -> None:
    assert LocalKeys.load(write(path, keyfile(KEY), mode=0o400)).primary == "local:2026-11"


def test_a_folder_in_place_of_a_keyfile_stops_the_start(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StartError, match="cannot be read"):
        LocalKeys.load(path)


UNUSABLE = {
    "zeros": bytes(32),
    "one byte repeated": b"\xa7" * 32,
    "counting up": bytes(range(32)),
    "counting in steps": bytes((7 * number + 3) % 256 for number in range(32)),
    "counting down": bytes(range(255, 223, -1)),
    "a phrase": b"please-change-me-before-starting",
    "hexadecimal text": b"8f3a5c0e9b7d42611f8e0c2d4a6b9370",
    "two halves of little": bytes(range(8)) * 4,
    "short": KEY[:31],
    "half": KEY[:16],
    "long": KEY + b"\x01",
    "empty": b"",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_key_that_cannot_be_random_stops_the_start(path: Path, name: str) -> None:
    with pytest.raises(StartError, match="not a random key"):
        LocalKeys.load(write(path, keyfile(UNUSABLE[name])))


def test_one_unusable_version_is_enough_to_stop_the_start(path: Path) -> None:
    content = keyfile(KEY)
    content["keys"] = {"local:2026-11": b64encode(KEY).decode(), "local:2026-10": b64encode(bytes(32)).decode()}
    with pytest.raises(StartError, match="2026-10"):
        LocalKeys.load(write(path, content))


def test_random_keys_are_always_taken(path: Path) -> None:
    for _ in range(300):
        LocalKeys.load(write(path, keyfile(os.urandom(32))))


FOREIGN: dict[str, object] = {
    "empty": "",
    "cut short": json.dumps(keyfile(KEY))[:60],
    "no JSON": "AGE-SECRET-KEY-1",
    "raw base64": b64encode(KEY).decode(),
    "another format": keyfile(KEY) | {"format": "timos.keyfile/2"},
    "no format": {"primary": "local:2026-11", "keys": {"local:2026-11": b64encode(KEY).decode()}},
    "something more": keyfile(KEY) | {"comment": "mine"},
    "no keys": keyfile(KEY) | {"keys": {}},
    "key is no base64": keyfile(KEY) | {"keys": {"local:2026-11": "?" * 44}},
    "key is a number": keyfile(KEY) | {"keys": {"local:2026-11": 12}},
    "primary is missing": keyfile(KEY, primary="local:2026-12"),
    "a list": [],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_no_keyfile_stops_the_start(path: Path, name: str) -> None:
    with pytest.raises(StartError):
        LocalKeys.load(write(path, FOREIGN[name]))


def test_bytes_that_are_no_text_stop_the_start(path: Path) -> None:
    write(path, "").write_bytes(b"\xff\xfe" + KEY)
    with pytest.raises(StartError, match="no master key of TimOS"):
        LocalKeys.load(path)


def test_no_message_shows_a_key(path: Path) -> None:
    for content in (keyfile(UNUSABLE["a phrase"]), keyfile(KEY) | {"primary": "x"}, keyfile(KEY) | {"more": 1}):
        with pytest.raises(StartError) as caught:
            LocalKeys.load(write(path, content))
        text = f"{caught.value!r} {caught.value.__cause__!r}"
        assert b64encode(KEY).decode() not in text
        assert "please" not in text
        assert b64encode(UNUSABLE["a phrase"]).decode() not in text


def test_the_content_of_the_file_does_not_show_itself(path: Path) -> None:
    assert repr(local._read(write(path, keyfile(KEY)))) == "<keyfile: hidden>"


def test_a_new_version_becomes_primary_and_the_old_one_still_opens(path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    old_ref, old_edk = asyncio.run(keys.encrypt(KEY))
    assert keys.add_version(path, DECEMBER) == "local:2026-12" == keys.primary
    for current in (keys, LocalKeys.load(path)):
        assert current.primary == "local:2026-12"
        assert current.refs == ("local:2026-11", "local:2026-12")
        assert asyncio.run(current.decrypt(old_ref, old_edk)) == KEY
        new_ref, new_edk = asyncio.run(current.rewrap(old_ref, old_edk))
        assert new_ref == "local:2026-12"
        assert asyncio.run(LocalKeys.load(path).decrypt(new_ref, new_edk)) == KEY
    assert mode_of(path) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["master.json"]


def test_versions_of_one_month_are_numbered(path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    assert [keys.add_version(path, NOVEMBER) for _ in range(3)] == ["local:2026-11-2", "local:2026-11-3", "local:2026-11-4"]
    assert len({asyncio.run(LocalKeys.load(path).encrypt(KEY))[0], *keys.refs}) == 4


def test_a_version_is_not_added_to_another_keyfile(path: Path, tmp_path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    LocalKeys.create(tmp_path / "other", DECEMBER)
    before = (tmp_path / "other").read_bytes()
    with pytest.raises(StartError, match="not the one"):
        keys.add_version(tmp_path / "other", DECEMBER)
    assert (tmp_path / "other").read_bytes() == before
    assert not (tmp_path / "other.new").exists()


def test_two_processes_cannot_add_a_version_over_each_other(path: Path) -> None:
    first = LocalKeys.create(path, NOVEMBER)
    second = LocalKeys.load(path)
    first.add_version(path, DECEMBER)
    with pytest.raises(StartError, match="not the one"):
        second.add_version(path, DECEMBER)
    assert LocalKeys.load(path).refs == first.refs


def test_a_change_under_way_or_cut_short_is_not_overwritten(path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    before = path.read_bytes()
    path.with_name("master.json.new").write_bytes(b"half")
    with pytest.raises(StartError, match="in the way"):
        keys.add_version(path, DECEMBER)
    assert path.read_bytes() == before
    assert keys.primary == "local:2026-11"


def test_an_edk_opens_under_its_own_version_only(path: Path) -> None:
    keys = LocalKeys.create(path, NOVEMBER)
    ref, edk = asyncio.run(keys.encrypt(KEY))
    other = keys.add_version(path, DECEMBER)
    for wrong in (other, "local:2026-1", "", "transit:timos#7"):
        with pytest.raises(DecryptionError):
            asyncio.run(keys.decrypt(wrong, edk))
        with pytest.raises(DecryptionError):
            asyncio.run(keys.rewrap(wrong, edk))
    with pytest.raises(DecryptionError):
        asyncio.run(keys.decrypt(ref, edk[:-1]))


def test_the_name_of_a_version_is_bound_even_where_its_key_is_the_same() -> None:
    keys = LocalKeys({"local:2026-11": KEY, "local:2026-12": KEY}, "local:2026-11")
    _, edk = asyncio.run(keys.encrypt(b"k"))
    with pytest.raises(DecryptionError):
        asyncio.run(keys.decrypt("local:2026-12", edk))


def test_local_keys_are_a_key_provider() -> None:
    provider: KeyProvider = LocalKeys({"local:2026-11": KEY}, "local:2026-11")  # mypy checks this line
    assert provider.primary == "local:2026-11"
