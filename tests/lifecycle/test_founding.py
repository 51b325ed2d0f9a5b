"""Starting: an instance is made once, and never by mistake; what does not belong together is refused and left as it is."""

import asyncio
import base64
import gc
import json
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Pair
from tests.lifecycle.stage import CutError, copied, copied_on, person, places_in, read, snapshot, started, write
from tests.support import Template, make_template
from timos.crypto.kms.local import LocalKeys
from timos.kernel.db import migrate
from timos.kernel.db.port import Value
from timos.kernel.errors import StartError
from timos.lifecycle import instance
from timos.lifecycle.founding import upgrading
from timos.lifecycle.founding.places import Places
from timos.lifecycle.founding.upgrading import COPY_SUFFIX

Change = Callable[[Places, Path], None]  # the instance, and the folder of another one


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another installation."""
    return make_template(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def places(template: Path, tmp_path: Path) -> Places:
    return copied(template, tmp_path)


@pytest.fixture
def empty(pair: Pair, tmp_path: Path) -> Iterator[Places]:
    """Nothing was founded there yet."""
    with pair.platform.fresh() as platform, pair.vault.fresh() as vault:
        urls = {name: url for name, url in (("platform_url", platform), ("vault_url", vault)) if url}
        yield places_in(tmp_path, **urls)


async def start(places: Places, *, is_server: bool = True) -> bool:
    """Starts and stops; whether everything was made."""
    async with started(places, is_server=is_server) as opened:
        await opened.check()
        return opened.founded.is_new


def starts(places: Places, *, is_server: bool = True) -> bool:
    return asyncio.run(start(places, is_server=is_server))


def refused(places: Places, *, is_server: bool = True) -> str:
    with pytest.raises(StartError) as caught:
        starts(places, is_server=is_server)
    return str(caught.value)


# ── the first start ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
def test_the_first_start_makes_everything_and_the_second_finds_it(empty: Places) -> None:
    places = empty
    assert starts(places)
    made = snapshot(places.key.parent)
    assert not starts(places)
    assert snapshot(places.key.parent) == made
    assert not places.marker.exists()
    for path in (*places.files, places.key):
        assert path.stat().st_mode & 0o077 == 0
    assert places.data_dir.stat().st_mode & 0o077 == 0


def test_only_the_server_makes_an_instance(tmp_path: Path) -> None:
    text = refused(places_in(tmp_path), is_server=False)
    assert "timos serve" in text
    assert snapshot(tmp_path) == {}


def test_a_data_folder_that_is_there_and_empty_is_a_beginning(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.data_dir.mkdir()
    (places.data_dir / "lost+found").mkdir()
    assert starts(places)


def test_with_a_folder_that_cannot_be_written_nothing_is_made(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.data_dir.write_text("a file where the folder should be")
    before = snapshot(tmp_path)
    assert "cannot be written" in refused(places)
    assert snapshot(tmp_path) == before


def test_a_read_only_file_system_is_refused_by_name() -> None:
    places = Places(
        Path("/proc"), Path("/proc/platform.db"), Path("/proc/vault.db"), Path("/proc/master.json"), Path("/proc/erasures.jsonl")
    )
    assert "/proc cannot be written" in refused(places)  # not even root can write there


def test_without_a_place_for_the_key_there_is_no_database_and_the_next_start_works(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.key.parent.write_text("a file where the folder of the key should be")
    assert str(places.key.parent) in refused(places)
    assert not places.platform.exists()
    assert not places.vault.exists()
    places.key.parent.unlink()
    assert starts(places)


def _cut_before(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> None:
        raise CutError

    monkeypatch.setattr(owner, name, cut)


def _cut_at_second(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(owner, name), []

    def counted(*arguments: object, **named: object) -> object:
        calls.append(name)
        if len(calls) == 2:
            raise CutError
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, counted)


def _cut_after(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Awaitable[object]] = getattr(owner, name)

    async def cut(*arguments: object, **named: object) -> object:
        made = await real(*arguments, **named)
        if isinstance(made, instance.Instance):
            await made.close()  # its connections end with a process that dies
        raise CutError

    monkeypatch.setattr(owner, name, cut)


@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda patch: _cut_before(LocalKeys, "create", patch), id="before the key"),
        pytest.param(lambda patch: _cut_before(LocalKeys, "encrypt", patch), id="after the key"),
        pytest.param(lambda patch: _cut_before(migrate, "upgrade", patch), id="before the platform"),
        pytest.param(lambda patch: _cut_at_second(migrate, "upgrade", patch), id="between the databases"),
        pytest.param(lambda patch: _cut_before(instance, "assemble", patch), id="before the platform's keys"),
        pytest.param(lambda patch: _cut_after(instance, "assemble", patch), id="after the platform's keys"),
    ],
)
def test_a_founding_cut_short_anywhere_is_begun_anew(empty: Places, cut: Callable[[pytest.MonkeyPatch], None]) -> None:
    places = empty
    with pytest.MonkeyPatch.context() as patch:
        cut(patch)
        try:
            starts(places)
        except CutError:
            pass
        else:
            pytest.fail("The founding was not cut short.")
    gc.collect()  # what the dead process held
    assert places.marker.exists()
    key = places.key.read_bytes() if places.key.exists() else None
    assert "timos serve" in refused(places, is_server=False)
    assert starts(places)
    assert key in {None, places.key.read_bytes()}  # a key that was made is never made again
    assert not starts(places)
    asyncio.run(_use(places))


@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
def test_a_founding_that_lacked_only_its_last_step_is_begun_anew_too(empty: Places) -> None:
    places = empty
    starts(places)
    places.marker.touch()  # nobody was told of the setup link yet: there can be nothing in it
    assert starts(places)
    assert not places.marker.exists()


async def _use(places: Places) -> None:
    async with started(places) as opened:
        sam = await person(opened)
        await write(opened, sam)
        assert await read(opened, sam) == "words"


# ── a part is missing ────────────────────────────────────────────────────────────────────────────────────────────────

PARTS = ("platform", "vault", "key")
MISSING = {
    ("platform",): "platform.db is missing while its other half",
    ("vault",): "vault.db is missing while its other half",
    ("key",): "master.json is missing. Without it nothing in",
    ("platform", "key"): "master.json is missing",
    ("vault", "key"): "master.json is missing",
    ("platform", "vault"): "but no database in",
}


@pytest.mark.parametrize("is_server", [True, False])
@pytest.mark.parametrize(("parts", "telling"), MISSING.items(), ids=" and ".join)
def test_a_missing_part_is_named_and_nothing_is_made_in_its_place(
    places: Places, tmp_path: Path, parts: tuple[str, ...], telling: str, *, is_server: bool
) -> None:
    for part in parts:
        getattr(places, part).unlink()
    before = snapshot(tmp_path)
    text = refused(places, is_server=is_server)
    assert telling in text
    assert "Nothing was" in text
    assert snapshot(tmp_path) == before


# ── a part is foreign or damaged ─────────────────────────────────────────────────────────────────────────────────────


def _from(part: str) -> Change:
    return lambda places, stranger: _put(getattr(places, part), getattr(places_in(stranger), part).read_bytes())


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _both_databases(places: Places, stranger: Path) -> None:
    for part in ("platform", "vault"):
        _from(part)(places, stranger)


def _key_bytes(key: bytes) -> Change:
    def change(places: Places, _stranger: Path) -> None:
        content = json.loads(places.key.read_text())
        content["keys"] = dict.fromkeys(content["keys"], base64.b64encode(key).decode())
        places.key.write_text(json.dumps(content))

    return change


def _sql(part: str, statement: str, *params: Value) -> Change:
    def change(places: Places, _stranger: Path) -> None:
        databases.sql(places.platform_at if part == "platform" else places.vault_at, statement, *params)

    return change


FOREIGN: dict[str, tuple[Change, str]] = {
    "another platform": (_from("platform"), "do not belong together"),
    "another vault": (_from("vault"), "do not belong together"),
    "both of another": (_both_databases, "is not the one that"),
    "another key": (_from("key"), "is not the one that"),
    "a key of zeros": (_key_bytes(bytes(32)), "not a random key"),
    "a key of one letter": (_key_bytes(b"k" * 32), "not a random key"),
    "a key that counts": (_key_bytes(bytes(range(32))), "not a random key"),
    "a key that is a sentence": (_key_bytes(b"change me before going live, now"), "not a random key"),
    "a short key": (_key_bytes(os.urandom(31)), "not a random key"),
    "an empty key file": (lambda places, _: _put(places.key, b""), "no master key of TimOS"),
    "half a key file": (lambda places, _: _put(places.key, places.key.read_bytes()[:-30]), "no master key of TimOS"),
    "a key that others can read": (lambda places, _: places.key.chmod(0o640), "chmod 600"),
    "no database": (lambda places, _: _put(places.vault, b"Dear Sir, " * 900), "cannot be read as a TimOS database"),
    "an empty file": (lambda places, _: _put(places.vault, b""), "cannot be read as a TimOS database"),
    "half a database": (lambda places, _: _put(places.vault, places.vault.read_bytes()[:2000]), "cannot be read as a TimOS database"),
}
IN_SQL: dict[str, tuple[Change, str]] = {
    "no canary": (_sql("vault", "DELETE FROM meta WHERE name = 'canary'"), "is not the one that"),
    "another canary": (_sql("platform", "UPDATE meta SET value = ? WHERE name = 'canary'", os.urandom(97)), "is not the one that"),
    "no install id": (_sql("platform", "DELETE FROM meta WHERE name = 'install_id'"), "do not belong together"),
    "a platform key gone": (_sql("platform", "DELETE FROM platform_keys WHERE purpose = 'email_index'"), "lacks its key email_index"),
    "a platform key moved": (
        _sql(
            "platform",
            "UPDATE platform_keys SET sealed = (SELECT sealed FROM platform_keys WHERE purpose = 'csrf') WHERE purpose = 'ledger'",
        ),
        "does not open this platform database",
    ),
    "a newer platform": (_sql("platform", "UPDATE alembic_version SET version_num = '9999'"), "newer version of TimOS"),
    "a newer vault": (_sql("vault", "UPDATE alembic_version SET version_num = '9999'"), "newer version of TimOS"),
}


@pytest.mark.parametrize(("change", "telling"), (FOREIGN | IN_SQL).values(), ids=(FOREIGN | IN_SQL).keys())
def test_what_does_not_belong_here_is_refused_and_left_as_it_is(
    places: Places, tmp_path: Path, stranger: Path, change: Change, telling: str
) -> None:
    change(places, stranger)
    before = snapshot(tmp_path)
    text = refused(places)
    assert telling in text
    assert snapshot(tmp_path) == before


@pytest.mark.every_engine("mixed")
@pytest.mark.parametrize(("change", "telling"), IN_SQL.values(), ids=IN_SQL.keys())
def test_what_does_not_belong_on_servers_is_refused_too(template_on: Template, tmp_path: Path, change: Change, telling: str) -> None:
    with copied_on(template_on, tmp_path) as places:
        change(places, tmp_path)
        assert telling in refused(places)


def test_a_pair_of_another_installation_with_its_key_is_that_installation(places: Places, stranger: Path) -> None:
    _both_databases(places, stranger)
    _from("key")(places, stranger)
    assert not starts(places)


# ── one server at a time ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_server_is_refused_while_the_first_one_runs(places: Places) -> None:
    async def story() -> None:
        async with started(places):
            with pytest.raises(StartError, match="Another TimOS server is using"):
                async with started(places):
                    pass
            async with started(places, is_server=False) as beside:
                await beside.check()
        async with started(places):
            pass

    asyncio.run(story())


def test_a_refused_start_does_not_keep_the_folder(places: Places) -> None:
    key = places.key.read_bytes()
    places.key.unlink()
    refused(places)
    places.key.write_bytes(key)
    places.key.chmod(0o600)
    assert not starts(places)


# ── migrations ───────────────────────────────────────────────────────────────────────────────────────────────────────

HISTORY = upgrading.VAULT_HISTORY  # of this version
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "LAST"


def upgrade() -> None:
    op.create_table("more", sa.Column("word", sa.Text()))
    BREAK
"""


def next_text(step: str) -> str:
    return NEXT.replace("LAST", migrate.head(HISTORY)).replace("BREAK", step)


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program one version later: its vault has a table more. The file of that migration."""
    history = tmp_path / "next"
    shutil.copytree(upgrading.VAULT_HISTORY, history, ignore=shutil.ignore_patterns("__pycache__"))
    migration = history / "versions" / "next_more.py"
    migration.write_text(next_text(""))
    monkeypatch.setattr(upgrading, "VAULT_HISTORY", history)
    return migration


def has_more(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'more'").fetchone())


def copy_of(path: Path) -> Path:
    return path.with_name(path.name + COPY_SUFFIX)


def test_a_migration_leaves_a_copy_of_before_until_the_next_clean_start(places: Places, next_version: Path) -> None:
    async def migrated() -> tuple[str, ...]:
        async with started(places) as opened:
            return opened.founded.migrated

    assert asyncio.run(migrated()) == ("vault",)
    assert has_more(places.vault)
    copy = copy_of(places.vault)
    assert not has_more(copy)
    assert copy.stat().st_mode & 0o077 == 0
    assert not copy_of(places.platform).exists()  # nothing was changed there
    assert asyncio.run(migrated()) == ()
    assert not copy.exists()


def test_the_copy_is_whole_with_what_only_the_log_holds(places: Places, next_version: Path) -> None:
    with closing(sqlite3.connect(places.vault)) as other:
        other.execute("INSERT INTO meta (name, value) VALUES ('only in the log', x'00')")
        other.commit()
        starts(places)
    with closing(sqlite3.connect(copy_of(places.vault))) as copy:
        assert copy.execute("SELECT count(*) FROM meta WHERE name = 'only in the log'").fetchone() == (1,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_only_the_server_migrates(places: Places, tmp_path: Path, next_version: Path) -> None:
    before = snapshot(tmp_path)
    assert "timos db upgrade" in refused(places, is_server=False)
    assert snapshot(tmp_path) == before


def test_a_migration_cut_short_is_made_anew_and_the_copy_stays_one_of_before(places: Places, next_version: Path) -> None:
    next_version.write_text(next_text("raise LookupError"))
    for _ in range(2):  # the second attempt copies again: what it copies must still be the old database
        with pytest.raises(LookupError):
            starts(places)
        assert not has_more(places.vault)
        assert not has_more(copy_of(places.vault))
    next_version.write_text(next_text(""))
    assert not starts(places)
    assert has_more(places.vault)
    assert not has_more(copy_of(places.vault))


def test_the_older_program_refuses_what_the_newer_one_migrated(places: Places, tmp_path: Path, next_version: Path) -> None:
    starts(places)
    starts(places)
    next_version.write_text("")
    before = snapshot(tmp_path)
    assert "newer version of TimOS (next)" in refused(places)
    assert "newer version of TimOS (next)" in refused(places, is_server=False)
    assert snapshot(tmp_path) == before
