"""`timos backup`: made beside a running server, read back, put back with the server stopped."""

import shutil
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.support import PASSWORD, environment_in, server_in
from timos.cli.exits import ExitCode

SAM = "sam@example.org"


@pytest.fixture
def timos(template: Path, tmp_path: Path) -> Console:
    """An instance with its admin; no server runs."""
    for part in ("data", "key"):
        shutil.copytree(template / part, tmp_path / part)
    return Console(environment_in(tmp_path))


def addresses(timos: Console) -> set[str]:
    return {row["address"] for row in timos.done("user", "list", "--json").json}


def test_a_backup_is_made_read_back_and_put_back(timos: Console, tmp_path: Path) -> None:
    folder = str(tmp_path / "made")
    made = timos.done("backup", "create", folder, "--json").json
    assert (made["folder"], made["keys"], made["ledger"]) == (folder, 2, 0)
    assert timos.done("backup", "verify", folder, "--json").json == made
    timos.done("user", "create", SAM, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "2 keys" in timos.done("backup", "restore", folder, "--dry-run").out
    assert addresses(timos) == {SAM, "admin@example.org"}
    restored = timos.done("backup", "restore", folder).out
    assert "has to sign in again" in restored
    assert str(tmp_path / "data" / "platform.db.replaced-1") in restored
    assert addresses(timos) == {"admin@example.org"}
    timos.done("doctor")


def test_an_erased_account_does_not_come_back(timos: Console, tmp_path: Path) -> None:
    timos.done("user", "create", SAM, "--password-stdin", stdin=f"{PASSWORD}\n")
    timos.done("backup", "create", str(tmp_path / "made"))
    timos.done("user", "erase", SAM, "--yes")
    assert timos.done("backup", "restore", str(tmp_path / "made"), "--json").json["erased_again"] == 1
    assert addresses(timos) == {"admin@example.org"}


def test_making_one_says_that_the_master_key_is_not_in_it_and_names_what_it_needs(timos: Console, tmp_path: Path) -> None:
    ran = timos.done("backup", "create", str(tmp_path / "made"))
    assert "needs local:20" in ran.out
    assert "master key is not in it" in ran.err


def test_a_folder_that_exists_and_one_that_is_no_backup_are_refused(timos: Console, tmp_path: Path) -> None:
    for command in ("create", "verify", "restore"):
        ran = timos("backup", command, str(tmp_path / "data"))
        assert ran.code == ExitCode.CANNOT_START
        assert str(tmp_path / "data") in ran.err
    ran = timos("backup", "restore", str(tmp_path / "nowhere"), "--dry-run")
    assert ran.code == ExitCode.CANNOT_START


@pytest.mark.slow
def test_beside_a_running_server_it_is_made_but_not_put_back(template: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "made")
    with server_in(tmp_path, template=template) as server:
        timos = Console(server.environment).of(tmp_path / "sam")
        timos.done("signup", SAM, "--password-stdin", stdin=f"{PASSWORD}\n")
        timos.done("write", "entry", "backed up")
        timos.done("backup", "create", folder)
        timos.done("write", "entry", "written since")
        ran = timos("backup", "restore", folder)
        assert ran.code == ExitCode.CANNOT_START
        assert "Another TimOS server" in ran.err
        assert "written since" in timos.done("today").out
    timos.done("backup", "restore", folder)
    with server_in(tmp_path) as server:
        again = Console(server.environment).of(tmp_path / "sam")
        assert again("today").code == ExitCode.SIGNED_OUT
        again.done("login", SAM, "--password-stdin", stdin=f"{PASSWORD}\n")
        today = again.done("today").out
        assert "backed up" in today
        assert "written since" not in today
