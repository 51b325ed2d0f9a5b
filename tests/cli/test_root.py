import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from timos.cli.exits import ExitCode
from timos.cli.login import Login, LoginFile, default_path
from timos.cli.root import build, run
from timos.kernel.errors import StartError

Run = Callable[..., int]


@pytest.fixture
def timos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in this process and gives its exit code; nobody is signed in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TIMOS_SERVER", raising=False)

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            run(build(), arguments)
        return int(caught.value.code or 0)

    return call


@pytest.fixture
def nobody() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def _sign_in(server: str) -> None:
    LoginFile(default_path()).save(Login(server, "ada@example.org", "access-canary", "refresh-canary"))


SIGNED_IN = [
    ("whoami",),
    ("today",),
    ("day", "2026-11-22"),
    ("month", "2026-11"),
    ("search", "dawn"),
    ("write", "entry", "text"),
    ("write", "note", "text"),
    ("write", "morning", "--mental-state", "4"),
    ("write", "evening", "--pressure-or-purpose", "-2"),
    ("erase", "--yes-i-mean-it", "erase my account", "--password-stdin"),
]


@pytest.mark.parametrize("arguments", SIGNED_IN)
def test_a_command_without_a_login_says_how_to_sign_in(timos: Run, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert timos(*arguments) == ExitCode.SIGNED_OUT
    printed = capsys.readouterr()
    assert "timos login" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("arguments", SIGNED_IN[:-1])
def test_a_server_that_is_down_has_an_exit_code_of_its_own(
    timos: Run, nobody: str, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _sign_in(nobody)
    assert timos(*arguments) == ExitCode.UNREACHABLE
    printed = capsys.readouterr()
    assert printed.err.startswith("timos: ")
    assert printed.err.count("\n") == 1
    assert "canary" not in printed.err


def test_tokens_are_for_the_server_that_gave_them(timos: Run, nobody: str) -> None:
    _sign_in("https://journal.example.org")
    assert timos("whoami", "--server", nobody) == ExitCode.SIGNED_OUT


def test_signing_out_forgets_the_tokens_even_when_the_server_is_down(timos: Run, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    _sign_in(nobody)
    assert timos("logout") == ExitCode.UNREACHABLE
    assert LoginFile(default_path()).load() is None
    assert "here only" in capsys.readouterr().err
    assert timos("logout") == ExitCode.OK


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("login", "ada@example.org", "--server", "http://example.org"),
        ("login", "ada@example.org"),  # no terminal to type a password on
        ("login",),
        ("month", "2026"),
        ("write", "morning"),
        ("write", "morning", "--mental-state", "6"),
        ("write", "evening", "--pressure-or-purpose", "-3"),
        ("write", "entry", "text", "--file", "-"),
        ("import", "missing.jsonl"),
        ("import", "journal.txt"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_a_usage_error(timos: Run, arguments: tuple[str, ...]) -> None:
    assert timos(*arguments) == ExitCode.USAGE


def test_a_wrong_phrase_erases_nothing(timos: Run, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    _sign_in(nobody)  # had anything been sent, the code would be that of a server that is down
    assert timos("erase", "--yes-i-mean-it", "yes") == ExitCode.USAGE
    assert "Nothing was erased" in capsys.readouterr().err


def test_an_export_does_not_overwrite(timos: Run, nobody: str, tmp_path: Path) -> None:
    _sign_in(nobody)
    target = tmp_path / "journal.zip"
    target.write_text("mine")
    assert timos("export", str(target), "--password-stdin") == ExitCode.USAGE
    assert target.read_text() == "mine"


def test_a_login_file_that_others_can_read_is_not_used(timos: Run, nobody: str) -> None:
    _sign_in(nobody)
    default_path().chmod(0o640)
    assert timos("whoami") == ExitCode.CANNOT_START


def test_version_is_one_json_document(timos: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert timos("version", "--json") == ExitCode.OK
    assert set(json.loads(capsys.readouterr().out)) == {"version"}


def test_groups_of_the_composition_root_get_the_same_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def serve() -> None:
        raise StartError("The port is taken. Choose another with TIMOS_PORT.")

    def add_to(app: typer.Typer) -> None:
        app.command()(serve)

    with pytest.raises(SystemExit) as caught:
        run(build(add_to), ["serve"])
    assert caught.value.code == ExitCode.CANNOT_START
    assert capsys.readouterr().err == "timos: The port is taken. Choose another with TIMOS_PORT.\n"
