"""How `make test` comes by a browser: with a stand-in for apt on a PATH of its own, since nobody wants a real one here."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "requirements" / "browser.py"
APT = '#!/bin/sh\necho "$@" >> {log}\n{rest}\n'
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift\nPATH=/usr/bin:/bin exec env "$@"\n'
WITHOUT_LISTS = 'case "$*" in *update*) : > {folder}/lists;; *) [ -e {folder}/lists ] || exit 100;; esac'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH on which there is sudo without a password and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    add(folder, "sudo", SUDO)
    return folder


def add(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script, encoding="utf-8")
    (folder / name).chmod(0o755)


def run(path: Path) -> str:
    """What it tells. It never fails."""
    done = subprocess.run([sys.executable, SCRIPT], env={"PATH": str(path)}, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def calls(path: Path) -> list[str]:
    return [line.split("Timeout=30 ")[1] for line in (path / "log").read_text(encoding="utf-8").splitlines()]


INSTALL = "install -y --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji"


def test_a_browser_that_is_there_is_left_alone(path: Path) -> None:
    add(path, "chromium", "#!/bin/sh\n")
    add(path, "apt-get", APT.format(log=path / "log", rest=""))
    assert run(path) == ""
    assert not (path / "log").exists()


def test_a_missing_browser_is_installed_in_one_step(path: Path) -> None:
    add(path, "apt-get", APT.format(log=path / "log", rest=""))
    assert (
        run(path)
        == "timos: installing chromium, fonts-dejavu-core, fonts-noto-color-emoji for the tests of the page; this takes a minute\n"
    )
    assert calls(path) == [INSTALL]


def test_the_lists_of_a_fresh_machine_are_read_first(path: Path) -> None:
    add(path, "apt-get", APT.format(log=path / "log", rest=WITHOUT_LISTS.format(folder=path)))
    assert len(run(path).splitlines()) == 1
    assert calls(path) == [INSTALL, "update", INSTALL]


def test_why_it_could_not_be_installed_is_told(path: Path) -> None:
    add(path, "apt-get", APT.format(log=path / "log", rest='echo "E: no such thing" >&2; exit 100'))
    assert run(path).splitlines()[1:] == ["E: no such thing", "timos: the browser could not be installed; apt said why above."]


def test_without_apt_the_page_stays_untested_and_it_says_so(path: Path) -> None:
    assert "no right to install one" in run(path)
