"""The operator's commands: they say what holds, change nothing unasked, and refuse with the code that scripts know."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.support import PASSWORD, Clock, environment_in, numbers, settings_in
from timos.cli.exits import ExitCode
from timos.cli.local import places_of
from timos.config import all_settings
from timos.crypto.kms.local import LocalKeys
from timos.kernel.db import migrate
from timos.lifecycle.founding import upgrading
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import open_instance

NAMES = {setting.name for setting in all_settings()}


@pytest.fixture
def timos(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """An instance with its admin; no server runs."""
    import shutil  # noqa: PLC0415

    for part in ("data", "key"):
        shutil.copytree(template / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    return Console(environment_in(tmp_path))


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """A machine on which TimOS never ran."""
    monkeypatch.chdir(tmp_path)
    return Console(environment_in(tmp_path))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_of(settings_in(tmp_path))


# ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", [("doctor",), ("db", "check")])
def test_the_doctor_finds_a_sound_instance_sound(timos: Console, command: tuple[str, ...]) -> None:
    lines = timos.done(*command).out.splitlines()
    assert len(lines) >= 6
    assert all(line.startswith("ok ") for line in lines)


def test_the_doctor_says_what_is_bad_and_ends_with_a_code(timos: Console, places: Places) -> None:
    places.vault.chmod(0o644)
    ran = timos("doctor")
    assert ran.code == ExitCode.CANNOT_START
    assert f"chmod 600 {places.vault}" in ran.out
    ran = timos("doctor", "--json")
    assert ran.code == ExitCode.CANNOT_START
    assert [finding["subject"] for finding in ran.json if not finding["ok"]] == [str(places.vault)]


@pytest.mark.parametrize(
    "command",
    [("doctor",), ("keys", "status"), ("user", "list"), ("user", "invite"), ("backup", "create", "made")],
    ids=" ".join,
)
def test_without_an_instance_a_command_says_so_and_makes_none(nothing: Console, tmp_path: Path, command: tuple[str, ...]) -> None:
    ran = nothing(*command)
    assert ran.code == ExitCode.CANNOT_START
    assert "timos serve" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_without_its_key_a_command_names_it(timos: Console, places: Places) -> None:
    places.key.unlink()
    ran = timos("user", "list")
    assert ran.code == ExitCode.CANNOT_START
    assert str(places.key) in ran.err
    assert ran.out == ""


# ── config ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_config_show_says_what_holds(timos: Console, tmp_path: Path) -> None:
    (tmp_path / "timos.toml").write_text('hosts = ["a.example", "b.example"]\n')
    lines = timos.done("config", "show").out.splitlines()
    assert f"TIMOS_DATA_DIR={tmp_path / 'data'}" in lines
    assert "TIMOS_HOSTS=a.example,b.example" in lines
    values = timos.done("config", "show", "--json").json
    assert set(values) == NAMES
    assert values["argon2_memory_kib"] == 64


def test_config_doc_has_every_setting(nothing: Console) -> None:
    doc = nothing.done("config", "doc").out
    assert all(f"TIMOS_{name.upper()}  (default: " in doc for name in NAMES)


def test_config_check_tells_what_production_would_refuse(timos: Console) -> None:
    ran = timos.done("config", "check")
    assert "TIMOS_PUBLIC_URL" in ran.err
    production = Console({**timos.environment, "TIMOS_PROFILE": "production"})
    ran = production("config", "check")
    assert ran.code == ExitCode.CANNOT_START
    assert "TIMOS_PUBLIC_URL" in ran.err
    assert "TIMOS_ARGON2_MEMORY_KIB" in ran.err


def test_config_init_writes_a_file_that_changes_nothing_and_is_never_overwritten(nothing: Console, tmp_path: Path) -> None:
    before = nothing.done("config", "show").out
    nothing.done("config", "init")
    path = tmp_path / "timos.toml"
    assert all(f"# {name} = " in path.read_text() for name in NAMES)
    assert nothing.done("config", "show").out == before
    uncommented = "\n".join(line.removeprefix("# ") for line in path.read_text().splitlines() if " = " in line)
    path.write_text(uncommented)
    environment = {name: value for name, value in nothing.environment.items() if name in {"HOME", "TIMOS_SERVER"}}
    assert Console(environment)("config", "show").code == 0  # each line is right as it stands
    assert nothing("config", "init").code == ExitCode.CANNOT_START
    assert path.read_text() == uncommented


def test_a_misspelt_setting_stops_every_command_of_the_operator(timos: Console) -> None:
    ran = Console({**timos.environment, "TIMOS_PROT": "1"})("doctor")
    assert ran.code == ExitCode.CANNOT_START
    assert "TIMOS_PROT" in ran.err


# ── db ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_db_status_says_where_the_schema_stands(timos: Console, nothing: Console) -> None:
    states = timos.done("db", "status", "--json").json
    assert [(state["database"], state["at"] == state["wants"]) for state in states] == [("platform", True), ("vault", True)]
    assert "platform: at 0001, this program wants 0001" in timos.done("db", "status").out


def test_db_status_of_nothing_is_that_nothing_is_there(nothing: Console, tmp_path: Path) -> None:
    assert nothing.done("db", "status").out.count("not there") == 2
    assert list(tmp_path.iterdir()) == []


def test_db_upgrade_brings_an_older_database_up_with_a_copy(timos: Console, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "up to date" in timos.done("db", "upgrade").out
    migrate.downgrade(places.vault, upgrading.VAULT_HISTORY, "base")
    with closing(sqlite3.connect(places.vault)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'daily_entries'").fetchone()
    assert tables == (0,)
    assert "To upgrade: vault" in timos.done("db", "upgrade", "--dry-run").out
    assert "vault: not there" in timos.done("db", "status").out
    assert "Upgraded: vault" in timos.done("db", "upgrade").out
    assert (places.data_dir / "vault.db.before-migration").exists()
    assert "up to date" in timos.done("db", "upgrade").out


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_status_counts_what_hangs_on_each_version(timos: Console, places: Places) -> None:
    status = timos.done("keys", "status", "--json").json
    [ref] = LocalKeys.load(places.key).refs
    assert (status["primary"], status["versions"]) == (ref, [ref])
    assert sum(key["rows"] for key in status["keys"] if key["purpose"] in {"vault", "personal"}) == 2
    assert f"{ref} (primary): 2 keys of users" in timos.done("keys", "status").out


def test_rotating_the_master_key_puts_every_key_under_the_new_version(timos: Console, places: Places) -> None:
    before = LocalKeys.load(places.key).refs
    content = places.key.read_bytes()
    dry = timos.done("keys", "rotate-mek", "--dry-run").out
    assert "would be wrapped again" in dry
    assert places.key.read_bytes() == content
    ran = timos.done("keys", "rotate-mek")
    keys = LocalKeys.load(places.key)
    assert keys.refs == (*before, keys.primary)
    assert f"under {keys.primary} now" in ran.out
    assert "Copy" in ran.out
    status = timos.done("keys", "status", "--json").json
    assert {key["ref"] for key in status["keys"]} == {keys.primary}
    timos.done("doctor")
    assert places.key.stat().st_mode & 0o077 == 0


def test_the_master_key_is_not_rotated_under_a_running_server(timos: Console, places: Places) -> None:
    content = places.key.read_bytes()

    async def serving() -> None:
        instance = await open_instance(places, numbers(), clock=Clock(), is_server=True)
        try:
            ran = await asyncio.to_thread(timos, "keys", "rotate-mek")
        finally:
            await instance.close()
        assert ran.code == ExitCode.CANNOT_START
        assert "Another TimOS server" in ran.err

    asyncio.run(serving())
    assert places.key.read_bytes() == content


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_openapi_is_one_json_document_that_needs_no_instance(nothing: Console, tmp_path: Path) -> None:
    document = nothing.done("openapi").json
    assert document["openapi"].startswith("3.1")
    assert "/api/entries/{day}" in document["paths"]
    assert list(tmp_path.iterdir()) == []


def test_version_needs_nothing(nothing: Console, tmp_path: Path) -> None:
    assert nothing.done("version").out.startswith("timos ")
    assert nothing.done("version", "--json").json["version"] == nothing.done("version").out.split()[1]


def test_every_command_explains_itself(nothing: Console) -> None:
    listed = nothing.done("--help").out
    for command in ("serve", "doctor", "config", "db", "user", "backup", "keys", "login", "import", "export", "search", "write", "erase"):
        assert command in listed
        assert "Usage" in nothing.done(command, "--help").out


def test_secrets_are_in_no_output_of_the_operator(timos: Console, places: Places) -> None:
    secrets = json.loads(places.key.read_text())["keys"].values()
    for arguments in (("config", "show"), ("keys", "status"), ("doctor",), ("db", "status"), ("user", "list")):
        ran = timos(*arguments)
        assert not any(secret in ran.out + ran.err for secret in (*secrets, PASSWORD))
