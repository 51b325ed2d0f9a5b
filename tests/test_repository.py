"""What the repository itself promises: locks that travel, the two commands, one licence."""

import re
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.conftest import NetworkError

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("setup", "run", "dev", "node")

MOST_LINES = 300  # of a file in src
LONGER = {
    "lifecycle/demo/texts.py",  # half a year of prose
    "kernel/db/sqlite.py",  # one class around the one connection that writes
}


def _lock(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+(?:\[[a-z,]+\])?)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(#|-[^-]|--(?!hash=))", text, re.MULTILINE), "nothing but packages and hashes"


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        assert not block.strip() or "--hash=sha256:" in block, block.splitlines()[0]


def test_the_locks_agree() -> None:
    assert _lock("setup").items() <= _lock("run").items() <= _lock("dev").items()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "run": project["project"]["dependencies"],
        "dev": project["dependency-groups"]["dev"],
        "setup": project["dependency-groups"]["setup"],
        "node": project["dependency-groups"]["node"],
    }
    for name, requirements in asked.items():
        names = {re.split(r"[<>=!~; \[]", requirement)[0] for requirement in requirements}
        assert names <= _lock(name).keys(), f"`make lock` is due: {sorted(names - _lock(name).keys())}"


def test_the_tests_run_on_the_locked_versions() -> None:
    locked = _lock("run")
    for name in ("cryptography", "msgspec", "sqlalchemy", "starlette"):
        assert metadata.version(name) == locked[name]


def test_the_vectors_are_those_of_the_library() -> None:
    assert _lock("dev")["cryptography-vectors"] == _lock("run")["cryptography"]


def test_the_installer_refuses_what_it_does_not_know() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "requirements" / "install.py", "everything"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr.strip()) == (1, "usage: install.py run|dev")


def test_the_readme_starts_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.match(r"# TimOS\n\n```\nmake run .*\nmake test .*\n```\n", readme)


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert named == {"help", "run", "test", "test-servers", "check", "fmt", "docs", "bench", "teeth", "screenshots", "lock", "clean"}


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata.version("timos") == project["project"]["version"]


def test_continuous_integration_does_what_a_person_does() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in script if line.startswith("make")] == ["make test"]


def test_a_test_reaches_this_machine_only() -> None:
    with socket.socket() as listener, socket.socket() as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        caller.connect(listener.getsockname())
    with socket.socket() as caller, pytest.raises(NetworkError):
        caller.connect(("192.0.2.1", 80))  # TEST-NET-1, RFC 5737: nobody, if the guard should fail
    with pytest.raises(NetworkError):
        socket.getaddrinfo("example.invalid", 80)


def test_every_file_of_src_can_be_read_in_one_sitting() -> None:
    source = ROOT / "src" / "timos"
    lines = {str(path.relative_to(source)): path.read_text(encoding="utf-8").count("\n") for path in source.rglob("*.py")}
    assert {name for name, count in lines.items() if count > MOST_LINES} <= LONGER, "a module that grows becomes a folder of the same name"
