"""Users' keys: bound to their owner, unlocked once, forgotten in time, gone when shredded."""

import asyncio
import os
from collections.abc import Callable

import pytest

from tests.platform.support import Story, World
from timos.crypto.kms.local import LocalKeys
from timos.kernel.errors import DecryptionError, KeyUnavailableError, VaultLockedError
from timos.platform.keyring import Keyring, NewKeys

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

RECORD, PLACE = b"a record", b"a place"


async def with_keys(world: World, user_id: bytes) -> NewKeys:
    new = await world.platform.keyring.prepare(user_id)
    async with world.database.transaction() as tx:
        await world.platform.keyring.insert(tx, new)
    return new


def keyring_of(world: World, *, capacity: int = 1000, ttl_seconds: float = 300) -> Keyring:
    return Keyring(world.database, world.provider, world.clock, os.urandom, capacity, ttl_seconds)


ADA, BOB = b"a" * 16, b"b" * 16


def test_what_was_sealed_opens_after_a_restart(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        before = await world.platform.keyring.unlock(ADA, 1)
        sealed = before.cipher.seal(RECORD, PLACE)
        after = await keyring_of(world).unlock(ADA, 1)
        assert after is not before
        assert after.vault_id == before.vault_id
        assert after.gate is None
        assert after.cipher.open(sealed, PLACE) == RECORD

    run(story)


def test_personal_key_survives_a_restart(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await with_keys(world, ADA)
        sealed = new.key.seal(b"Ada", PLACE)
        assert (await keyring_of(world).personal(ADA)).open(sealed, PLACE) == b"Ada"

    run(story)


def test_two_users_share_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        await with_keys(world, BOB)
        ada, bob = await world.platform.keyring.unlock(ADA, 1), await world.platform.keyring.unlock(BOB, 1)
        assert ada.vault_id != bob.vault_id
        assert ada.index.token("t", "f", "day") != bob.index.token("t", "f", "day")
        with pytest.raises(DecryptionError):
            bob.cipher.open(ada.cipher.seal(RECORD, PLACE), PLACE)

    run(story)


@pytest.mark.every_engine("sqlite", "postgresql")  # MariaDB does not know that UPDATE
def test_a_key_row_moved_to_another_user_does_not_open(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        await with_keys(world, BOB)
        world.sql(
            "UPDATE user_deks SET (ref, edk, sealed) = (SELECT d.ref, d.edk, d.sealed FROM user_deks d"
            " WHERE d.user_id = ? AND d.purpose = user_deks.purpose) WHERE user_id = ?",
            ADA,
            BOB,
        )
        with pytest.raises(DecryptionError):
            await world.platform.keyring.unlock(BOB, 1)
        with pytest.raises(DecryptionError):
            await world.platform.keyring.personal(BOB)

    run(story)


@pytest.mark.parametrize(("column", "value"), [("version", 2), ("purpose", "personal")])
def test_a_key_row_under_another_version_or_purpose_does_not_open(run: Callable[[Story], None], column: str, value: str | int) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        world.sql("DELETE FROM user_deks WHERE purpose = 'personal'")
        world.sql(f"UPDATE user_deks SET {column} = ?", value)  # noqa: S608 (one of the two above)
        with pytest.raises(DecryptionError):
            await (world.platform.keyring.personal(ADA) if value == "personal" else world.platform.keyring.unlock(ADA, 1))

    run(story)


def test_a_vault_of_a_mode_this_version_does_not_know_stays_locked(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        world.sql("UPDATE user_deks SET mode = 1")
        with pytest.raises(VaultLockedError):
            await world.platform.keyring.unlock(ADA, 1)

    run(story)


def test_a_user_without_a_key_has_a_locked_vault_and_gets_no_new_key(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        with pytest.raises(VaultLockedError):
            await world.platform.keyring.unlock(ADA, 1)
        assert world.sql("SELECT count(*) FROM user_deks") == [(0,)]

    run(story)


def test_shredding_destroys_both_keys_and_nobody_elses(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        keyring = world.platform.keyring
        await with_keys(world, ADA)
        await with_keys(world, BOB)
        await keyring.unlock(ADA, 1)
        async with world.database.transaction() as tx:
            assert await keyring.shred(tx, ADA) == 2
        keyring.drop(ADA)
        assert keyring.cached(ADA, 1) is None
        with pytest.raises(VaultLockedError):
            await keyring.unlock(ADA, 1)
        with pytest.raises(VaultLockedError):
            await keyring.personal(ADA)
        await keyring.unlock(BOB, 1)

    run(story)


def test_a_hundred_requests_at_once_ask_the_key_service_once(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        before = world.provider.decryptions
        found = await asyncio.gather(*(world.platform.keyring.unlock(ADA, 1) for _ in range(100)))
        assert world.provider.decryptions == before + 1
        assert all(keys is found[0] for keys in found)
        assert world.platform.keyring.cached(ADA, 1) is found[0]

    run(story)


def test_a_caller_that_goes_away_does_not_fail_the_others(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        first = asyncio.create_task(world.platform.keyring.unlock(ADA, 1))
        second = asyncio.create_task(world.platform.keyring.unlock(ADA, 1))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).vault_id
        assert first.cancelled()

    run(story)


def test_an_unlocked_vault_is_forgotten_after_its_time_however_often_it_is_used(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        await world.platform.keyring.unlock(ADA, 1)
        world.clock.advance(seconds=299)
        assert world.platform.keyring.cached(ADA, 1) is not None
        world.clock.advance(seconds=1)
        assert world.platform.keyring.cached(ADA, 1) is None

    run(story)


def test_keys_over_their_time_do_not_stay_in_memory(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        keyring = keyring_of(world)
        await with_keys(world, ADA)
        await keyring.unlock(ADA, 1)
        world.clock.advance(seconds=300)
        keyring._vaults.sweep()
        assert len(keyring._vaults) == 0

    run(story)


def test_a_new_key_epoch_is_a_new_load(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        old = await world.platform.keyring.unlock(ADA, 1)
        assert world.platform.keyring.cached(ADA, 2) is None
        assert await world.platform.keyring.unlock(ADA, 2) is not old

    run(story)


def test_a_fresh_unlock_reads_the_stored_keys_again(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        old = await world.platform.keyring.unlock(ADA, 1)
        world.sql("DELETE FROM user_deks")
        assert await world.platform.keyring.unlock(ADA, 1) is old
        with pytest.raises(VaultLockedError):
            await world.platform.keyring.unlock(ADA, 1, fresh=True)

    run(story)


def test_the_least_recently_used_vault_goes_first(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        keyring = keyring_of(world, capacity=2)
        users = [bytes([number]) * 16 for number in range(3)]
        for user_id in users:
            await with_keys(world, user_id)
        await keyring.unlock(users[0], 1)
        await keyring.unlock(users[1], 1)
        keyring.cached(users[0], 1)
        await keyring.unlock(users[2], 1)
        assert [keyring.cached(user_id, 1) is not None for user_id in users] == [True, False, True]

    run(story)


def test_a_load_under_way_while_its_user_is_dropped_is_not_kept(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        loading = asyncio.create_task(world.platform.keyring.unlock(ADA, 1))
        await asyncio.sleep(0)
        world.platform.keyring.drop(ADA)
        await loading
        assert world.platform.keyring.cached(ADA, 1) is None

    run(story)


def test_a_failed_load_is_tried_again(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        with pytest.raises(VaultLockedError):
            await world.platform.keyring.unlock(ADA, 1)
        await with_keys(world, ADA)
        await world.platform.keyring.unlock(ADA, 1)

    run(story)


class DownKeys(LocalKeys):
    """A key service that does not answer."""

    async def decrypt(self, ref: str, edk: bytes) -> bytes:
        raise KeyUnavailableError


def test_while_the_key_service_is_down_cached_users_go_on(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        await with_keys(world, BOB)
        await world.platform.keyring.unlock(ADA, 1)
        world.provider.keys = DownKeys.load(world.keyfile)
        await world.platform.keyring.unlock(ADA, 1)
        with pytest.raises(KeyUnavailableError):
            await world.platform.keyring.unlock(BOB, 1)

    run(story)


def test_rewrapping_moves_every_key_and_everything_still_opens(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        users = [bytes([number]) * 16 for number in range(1, 6)]
        sealed = {user_id: (await with_keys(world, user_id)).key.seal(b"x", PLACE) for user_id in users}
        old = world.provider.primary
        new = world.provider.keys.add_version(world.keyfile, world.clock)
        world.provider.keys = LocalKeys.load(world.keyfile)
        seen: list[tuple[int, int]] = []
        total = 2 * len(users) + world.sql("SELECT count(*) FROM platform_keys")[0][0]  # type: ignore[operator]  # a count is a number
        changed = await world.platform.keyring.rewrap_all(3, lambda done, all_: seen.append((done, all_)))
        assert changed == total
        assert seen == [(number, total) for number in range(1, total + 1)]
        assert {row.ref for row in await world.platform.keyring.status()} == {new} != {old}
        again = await world.restarted()
        for user_id, value in sealed.items():
            assert (await again.platform.keyring.personal(user_id)).open(value, PLACE) == b"x"
            await again.platform.keyring.unlock(user_id, 1)
        assert await world.platform.keyring.rewrap_all() == 0

    run(story)


def test_an_interrupted_rewrap_goes_on_where_it_was(run: Callable[[Story], None]) -> None:
    class Stop(Exception):  # noqa: N818 (it ends the test's own loop)
        pass

    def stop(done: int, _total: int) -> None:
        if done == 13:
            raise Stop

    async def story(world: World) -> None:
        for number in range(1, 6):
            await with_keys(world, bytes([number]) * 16)
        world.provider.keys.add_version(world.keyfile, world.clock)
        world.provider.keys = LocalKeys.load(world.keyfile)
        total = sum(row.rows for row in await world.platform.keyring.status())
        with pytest.raises(Stop):
            await world.platform.keyring.rewrap_all(2, stop)
        assert await world.platform.keyring.rewrap_all(2) == total - 13
        assert {row.ref for row in await world.platform.keyring.status()} == {world.provider.primary}

    run(story)


def test_two_rewraps_at_once_do_not_undo_each_other(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        world.provider.keys.add_version(world.keyfile, world.clock)
        world.provider.keys = LocalKeys.load(world.keyfile)
        total = sum(row.rows for row in await world.platform.keyring.status())
        assert sum(await asyncio.gather(world.platform.keyring.rewrap_all(), world.platform.keyring.rewrap_all())) == total
        await (await world.restarted()).platform.keyring.unlock(ADA, 1)

    run(story)


def test_status_counts_by_purpose_and_master_key(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await with_keys(world, ADA)
        await with_keys(world, BOB)
        counts = {(row.purpose, row.version): row.rows for row in await world.platform.keyring.status()}
        assert counts["vault", 1] == counts["personal", 1] == 2
        assert counts["platform/token_signing", 2] == 1

    run(story)


def test_new_keys_show_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        shown = repr(await world.platform.keyring.prepare(ADA))
        assert "hidden" in shown

    run(story)
