"""What the doctor finds: nothing where all is well, and each fault by its name with what to do."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.lifecycle.stage import copied, person, snapshot, started, write
from timos.lifecycle.erase import erase
from timos.lifecycle.founding.places import Places
from timos.lifecycle.health import Finding, examine
from timos.lifecycle.instance import Instance
from timos.vault import gates

Harm = Callable[[Instance], Awaitable[None]]


async def findings(places: Places, harm: Harm | None = None) -> list[Finding]:
    async with started(places) as instance:
        sam = await person(instance)
        await write(instance, sam, body="word " * 20_000)
        await erase(instance, (await person(instance, "gone")).id)
        if harm is not None:
            await harm(instance)
        return await examine(instance)


def sql(part: str, statement: str) -> Harm:
    async def harm(instance: Instance) -> None:
        with closing(sqlite3.connect(getattr(instance.places, part))) as connection, connection:
            connection.execute(statement)

    return harm


async def open_to_others(instance: Instance) -> None:
    instance.places.vault.chmod(0o640)


async def key_open_to_others(instance: Instance) -> None:
    instance.places.key.chmod(0o604)


async def cut_short(instance: Instance) -> None:
    await instance.accounts.begin_erasure(await person(instance, "eva"))


async def fenced(instance: Instance) -> None:
    eva = await person(instance, "eva")
    keys = await instance.keyring.unlock(eva.id, eva.key_epoch)
    async with instance.vault.transaction() as unit:
        await gates.fence(unit, keys.vault_id)


async def torn_ledger(instance: Instance) -> None:
    instance.places.ledger.write_text("half a li")


async def damaged_page(instance: Instance) -> None:
    """Overwrites a page that belongs to the large record."""
    await instance.vault.scrub()
    with instance.places.vault.open("r+b") as file:
        file.seek(-6 * 4096, 2)
        file.write(b"\xff" * 4096)


HARMS: dict[str, tuple[Harm, str, str]] = {
    "vault open to others": (open_to_others, "vault.db", "chmod 600"),
    "key open to others": (key_open_to_others, "master.json", "chmod 600"),
    "user edited": (sql("platform", "UPDATE users SET role = 'admin'"), "accounts", "restore a backup"),
    "key row swapped": (
        sql("platform", "UPDATE user_deks SET sealed = (SELECT sealed FROM user_deks LIMIT 1) WHERE purpose = 'vault'"),
        "accounts",
        "restore a backup",
    ),
    "key row gone": (sql("platform", "DELETE FROM user_deks WHERE purpose = 'vault'"), "accounts", "restore a backup"),
    "vaults gone": (sql("vault", "DELETE FROM vault_gates"), "accounts", "older than the platform"),
    "erasure cut short": (cut_short, "erasures", "start the server once"),
    "fence left": (fenced, "erasures", "start the server once"),
    "ledger torn": (torn_ledger, "erasure ledger", "Restore that copy"),
    "ledger forged": (sql("platform", "UPDATE erasure_ledger SET at = 1"), "erasure ledger", "not genuine"),
    "page damaged": (damaged_page, "vault.db", "restore a backup"),
}


@pytest.fixture
def places(template: Path, tmp_path: Path) -> Places:
    return copied(template, tmp_path)


def test_a_sound_instance_has_only_good_findings_and_is_left_as_it_is(places: Places, tmp_path: Path) -> None:
    async def story() -> None:
        found = await findings(places)
        assert all(finding.is_good for finding in found)
        assert {"key and databases", "platform.db", "vault.db", "accounts", "erasures", "erasure ledger"} <= {
            each.subject for each in found
        }
        async with started(places) as instance:
            before = snapshot(tmp_path)
            await examine(instance)
            assert snapshot(tmp_path) == before

    asyncio.run(story())


@pytest.mark.parametrize(("harm", "subject", "advice"), HARMS.values(), ids=HARMS.keys())
def test_a_fault_is_found_named_and_comes_with_advice(places: Places, harm: Harm, subject: str, advice: str) -> None:
    found = asyncio.run(findings(places, harm))
    bad = [finding for finding in found if not finding.is_good]
    assert [finding.subject.endswith(subject) for finding in bad] == [True]
    assert advice in bad[0].advice
