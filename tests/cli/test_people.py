"""Accounts, as their operator sees them: without a server, and beside a running one."""

import shutil
from pathlib import Path

import httpx
import pytest

from tests.cli.console import Console, Ran
from tests.support import PASSWORD, Server, environment_in
from timos.cli.exits import ExitCode

SAM = "sam@example.org"
ANOTHER = "another horse battery staple"


@pytest.fixture
def timos(template: Path, tmp_path: Path) -> Console:
    """An instance with its admin; no server runs."""
    for part in ("data", "key"):
        shutil.copytree(template / part, tmp_path / part)
    return Console(environment_in(tmp_path))


def make(timos: Console, address: str = SAM, *more: str, password: str = PASSWORD) -> Ran:
    return timos("user", "create", address, "--password-stdin", *more, stdin=f"{password}\n")


def people(timos: Console) -> dict[str, tuple[str, str, str]]:
    rows = timos.done("user", "list", "--json").json
    return {row["address"]: (row["name"], row["role"], row["status"]) for row in rows}


def test_accounts_are_made_and_listed(timos: Console) -> None:
    assert make(timos, SAM, "--name", "Sam").code == 0
    assert make(timos, "eva@example.org", "--admin").code == 0
    listed = people(timos)
    assert listed["sam@example.org"] == ("Sam", "member", "active")
    assert listed["eva@example.org"] == ("", "admin", "active")
    assert listed.keys() == {SAM, "eva@example.org", "admin@example.org"}
    assert "sam@example.org  Sam  member, active, since 20" in timos.done("user", "list").out


@pytest.mark.parametrize(
    ("address", "password"),
    [("admin@example.org", PASSWORD), ("no address", PASSWORD), (SAM, "short"), (SAM, "")],
)
def test_what_cannot_be_an_account_is_refused(timos: Console, address: str, password: str) -> None:
    ran = make(timos, address, password=password)
    assert ran.code == ExitCode.REFUSED
    assert people(timos).keys() == {"admin@example.org"}
    if password:
        assert password not in ran.err


def test_disabling_is_undone_by_enabling_and_a_dry_run_does_nothing(timos: Console) -> None:
    make(timos)
    timos.done("user", "disable", SAM, "--dry-run")
    assert people(timos)[SAM][2] == "active"
    timos.done("user", "disable", SAM)
    assert people(timos)[SAM][2] == "disabled"
    timos.done("user", "enable", SAM)
    assert people(timos)[SAM][2] == "active"


@pytest.mark.parametrize(
    "command", [("disable", SAM), ("enable", SAM), ("erase", SAM, "--yes"), ("erase", SAM, "--dry-run"), ("reset-password", SAM)]
)
def test_an_account_that_is_not_there_has_its_own_code(timos: Console, command: tuple[str, ...]) -> None:
    stdin = ("--password-stdin",) if command[0] == "reset-password" else ()
    ran = timos("user", *command, *stdin, stdin=f"{PASSWORD}\n")
    assert ran.code == ExitCode.NOT_FOUND
    assert "no account" in ran.err


def test_erasing_asks_first_and_leaves_a_receipt(timos: Console) -> None:
    make(timos)
    ran = timos("user", "erase", SAM)
    assert ran.code == ExitCode.REFUSED
    assert "--yes" in ran.err
    timos.done("user", "erase", SAM, "--dry-run")
    assert SAM in people(timos)
    receipt = timos.done("user", "erase", SAM, "--yes", "--json").json
    assert (receipt["keys_destroyed"], receipt["rows"], receipt["ledger_sequence"]) == (2, 0, 1)
    assert SAM not in people(timos)
    timos.done("doctor")
    make(timos)
    assert "Receipt: " in timos.done("user", "erase", SAM, "--yes").out


def test_an_invitation_is_a_link_with_a_token_of_its_own(timos: Console) -> None:
    first, second = (timos.done("user", "invite", "--json").json["link"] for _ in range(2))
    assert first != second
    assert "/#invite=" in first
    assert timos.done("user", "invite").out.startswith("http://localhost")


@pytest.mark.slow
def test_beside_a_running_server_it_holds_at_once(server: Server) -> None:
    timos = Console(server.environment)
    make(timos)

    def login(password: str) -> httpx.Response:
        return httpx.post(f"{server.url}/api/auth/login", json={"address": SAM, "password": password, "kind": "bearer"})

    def whoami(answer: httpx.Response) -> int:
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.get(f"{server.url}/api/auth/profile", headers=headers).status_code

    first = login(PASSWORD)
    assert whoami(first) == 200
    timos.done("user", "reset-password", SAM, "--password-stdin", stdin=f"{ANOTHER}\n")
    assert whoami(first) == 401
    assert login(PASSWORD).status_code == 401
    second = login(ANOTHER)
    assert whoami(second) == 200
    timos.done("user", "disable", SAM)
    assert whoami(second) == 401
    assert login(ANOTHER).status_code == 401
    timos.done("user", "enable", SAM)
    assert whoami(second) == 401  # what was ended stays ended
    third = login(ANOTHER)
    assert whoami(third) == 200
    timos.done("user", "erase", SAM, "--yes")
    assert whoami(third) == 401
    assert login(ANOTHER).status_code == 401

    token = timos.done("user", "invite", "--json").json["link"].partition("#invite=")[2]
    body = {"address": "eva@example.org", "password": PASSWORD, "token": token}
    assert httpx.post(f"{server.url}/api/auth/signup", json=body).status_code == 201
    timos.done("doctor")
