import stat
import threading
from pathlib import Path

import pytest

from timos.cli.login import Login, LoginFile, default_path
from timos.kernel.errors import StartError

ONE = Login("http://localhost:8000", "ada@example.org", "access-1", "refresh-1")
TWO = Login("http://localhost:8000", "ada@example.org", "access-2", "refresh-2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "timos" / "login.json"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_saved_login_is_read_back(path: Path) -> None:
    LoginFile(path).save(ONE)
    assert LoginFile(path).load() == ONE


def test_there_is_no_login_before_the_first(path: Path) -> None:
    assert LoginFile(path).load() is None


def test_only_the_owner_can_read_the_tokens(path: Path) -> None:
    LoginFile(path).save(ONE)
    assert _mode(path) == 0o600
    assert _mode(path.parent) == 0o700


def test_a_file_that_others_can_read_is_not_used(path: Path) -> None:
    LoginFile(path).save(ONE)
    path.chmod(0o644)
    with pytest.raises(StartError, match="chmod 600"):
        LoginFile(path).load()


def test_a_link_in_place_of_the_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    LoginFile(path).save(ONE)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError):
        LoginFile(path).load()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"server":"http://localhost:8000"}', b"\xff\xfe", b'{"access_token":"canary"}'])
def test_a_damaged_file_says_so_without_quoting_itself(path: Path, content: bytes) -> None:
    LoginFile(path).save(ONE)
    path.write_bytes(content)
    with pytest.raises(StartError, match="damaged") as caught:
        LoginFile(path).load()
    assert "canary" not in str(caught.value)


def test_saving_replaces_the_file_whole_and_leaves_nothing_beside_it(path: Path) -> None:
    file = LoginFile(path)
    file.save(ONE)
    with path.open("rb") as opened_before:
        file.save(TWO)
        assert b"refresh-1" in opened_before.read()  # another reader sees the old file or the new one, never a mix
    assert file.load() == TWO
    assert [each.name for each in path.parent.iterdir()] == ["login.json"]


def test_forgetting_twice_is_no_error(path: Path) -> None:
    file = LoginFile(path)
    file.save(ONE)
    file.forget()
    file.forget()
    assert file.load() is None


def test_one_renews_at_a_time(path: Path) -> None:
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with LoginFile(path).locked():
            order.append("second")

    with LoginFile(path).locked():
        thread = threading.Thread(target=second)
        thread.start()
        begun.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_tokens_never_show_in_a_repr() -> None:
    assert "access-1" not in repr(ONE)
    assert "refresh-1" not in repr(ONE)


def test_the_file_lies_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_path() == tmp_path / "timos" / "login.json"
