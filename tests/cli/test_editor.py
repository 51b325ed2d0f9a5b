import os
import signal
import stat
import sys
from pathlib import Path

import pytest
import typer

from timos.cli.editor import edit


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Stands for the memory-backed folder; what must be true of it is true of any folder."""
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


def _editor(monkeypatch: pytest.MonkeyPatch, program: str, *arguments: Path) -> None:
    """A real program in place of the user's editor; the file is its last argument."""
    monkeypatch.delenv("VISUAL", raising=False)
    quoted = " ".join(f"'{each}'" for each in (sys.executable, "-c", f"import os, sys; {program}", *arguments))
    monkeypatch.setenv("EDITOR", quoted)


def test_the_text_comes_back_as_it_was_left(monkeypatch: pytest.MonkeyPatch, memory: Path) -> None:
    _editor(monkeypatch, 'open(sys.argv[-1], "a").write("dusk — é\\n\\n")')
    assert edit("dawn\n", memory=memory) == "dawn\ndusk — é"


def test_nothing_is_left_behind_not_even_what_the_editor_left(monkeypatch: pytest.MonkeyPatch, memory: Path) -> None:
    _editor(
        monkeypatch, 'open(sys.argv[-1] + "~", "w").write("backup"); os.mkdir(sys.argv[-1] + ".d"); os.symlink("/", sys.argv[-1] + ".l")'
    )
    edit("dawn", memory=memory)
    assert list(memory.iterdir()) == []


def test_nobody_else_can_read_it_meanwhile(monkeypatch: pytest.MonkeyPatch, memory: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    modes = "os.stat(sys.argv[-1]).st_mode, os.stat(os.path.dirname(sys.argv[-1])).st_mode"
    _editor(monkeypatch, f'open(sys.argv[1], "w").write(" ".join(map(str, ({modes}))))', seen)
    edit("dawn", memory=memory)
    file, folder = (stat.S_IMODE(int(mode)) for mode in seen.read_text().split())
    assert (file, folder) == (0o600, 0o700)


def test_a_failing_editor_saves_nothing_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, memory: Path) -> None:
    _editor(monkeypatch, "sys.exit(1)")
    with pytest.raises(typer.Exit):
        edit("dawn", memory=memory)
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_closed_terminal_leaves_nothing(monkeypatch: pytest.MonkeyPatch, memory: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)  # under `nohup` a hang-up is ignored
    _editor(monkeypatch, f"import time; os.kill(os.getppid(), {number.value}); time.sleep(60)")
    with pytest.raises(SystemExit):
        edit("dawn", memory=memory)
    assert list(memory.iterdir()) == []
    assert signal.getsignal(number) is before


def test_without_memory_the_text_does_not_go_to_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _editor(monkeypatch, "pass")
    with pytest.raises(typer.BadParameter, match="--file"):
        edit("dawn", memory=tmp_path / "missing")


def test_without_an_editor_the_command_says_what_to_set(monkeypatch: pytest.MonkeyPatch, memory: Path) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(typer.BadParameter, match="EDITOR"):
        edit("dawn", memory=memory)
