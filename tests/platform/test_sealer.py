"""Who can write the platform database but lacks the master key can read nothing and plant nothing."""

import asyncio
import os
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.databases import Engines, pair_of
from tests.platform.conftest import founded
from tests.platform.support import ADDRESS, MovedClock, Story, World, migrate
from timos.crypto.kms.local import LocalKeys
from timos.kernel.db.port import Database, Value
from timos.kernel.db.sqlite import SqliteDatabase
from timos.kernel.errors import DecryptionError, StartError
from timos.platform.sealer import PlatformKeys, Purpose, Sealer, renew_ring

values = st.one_of(st.none(), st.binary(max_size=8), st.text(max_size=8), st.integers(-(2**63), 2**63 - 1))


async def load(database: Database, provider: LocalKeys, *, is_new: bool = False) -> PlatformKeys:
    return await PlatformKeys.load_or_create(database, provider, MovedClock(), os.urandom, is_new=is_new)


def test_keys_are_made_once_and_stay_the_same(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        again = await load(world.database, world.provider.keys, is_new=True)
        for purpose in Purpose:
            assert again.mac(purpose, b"x") == world.platform.keys.mac(purpose, b"x")
        assert again.token_ring.jwks() == world.platform.keys.token_ring.jwks()

    run(story)


def test_each_purpose_has_a_key_of_its_own(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        macs = [world.platform.keys.mac(purpose, b"x") for purpose in Purpose]
        assert len(set(macs)) == len(macs)

    run(story)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_missing_key_stops_the_start_and_is_never_replaced(run: Callable[[Story], None], purpose: Purpose) -> None:
    async def story(world: World) -> None:
        world.sql("DELETE FROM platform_keys WHERE purpose = ?", purpose.value)
        with pytest.raises(StartError, match=purpose.value):
            await load(world.database, world.provider.keys)
        assert world.sql("SELECT count(*) FROM platform_keys WHERE purpose = ?", purpose.value) == [(0,)]

    run(story)


def test_the_next_signing_key_is_published_before_it_signs_and_kept_after(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        clock, database, provider = world.clock, world.database, world.provider.keys

        async def kids() -> list[str]:
            keys = (await load(database, provider)).token_ring.jwks()["keys"]
            assert isinstance(keys, list)
            return [key["kid"] for key in keys]  # the signing one first

        first, second = await kids()
        assert not await renew_ring(database, provider, clock, os.urandom)
        clock.advance(days=31)
        assert await renew_ring(database, provider, clock, os.urandom)
        assert not await renew_ring(database, provider, clock, os.urandom)
        current, previous, third = await kids()
        assert (current, previous) == (second, first)
        clock.advance(days=31)
        assert await renew_ring(database, provider, clock, os.urandom)
        assert set(await kids()) >= {second, third}
        assert first not in await kids()

    run(story)


def test_another_master_key_stops_the_start(run: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(world: World) -> None:
        foreign = LocalKeys.create(tmp_path / "foreign" / "master.json", world.clock)
        with pytest.raises(StartError, match="master key"):
            await load(world.database, foreign)

    run(story)


def test_a_key_wrapped_for_one_purpose_does_not_serve_another(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        world.sql(
            "UPDATE platform_keys SET (ref, edk, sealed) = (SELECT ref, edk, sealed FROM platform_keys WHERE purpose = 'csrf')"
            " WHERE purpose = 'ledger'"
        )
        with pytest.raises(StartError):
            await load(world.database, world.provider.keys)

    run(story)


def test_an_unfounded_database_is_refused_unless_it_is_being_founded(tmp_path: Path) -> None:
    async def story() -> None:
        migrate(tmp_path / "platform.db")
        provider = LocalKeys.create(tmp_path / "key" / "master.json", MovedClock())
        database = SqliteDatabase(tmp_path / "platform.db")
        with pytest.raises(StartError):
            await load(database, provider)
        await load(database, provider, is_new=True)
        await load(database, provider)
        await database.close()

    asyncio.run(story())


def test_the_keys_show_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        assert "hidden" in repr(world.platform.keys)
        assert "0x" not in repr(world.platform.keys)

    run(story)


def test_the_published_keys_hold_no_private_part(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        published = world.platform.tokens.jwks()["keys"]
        assert isinstance(published, list)
        assert len(published) == 2  # the current and the next
        assert all("d" not in key for key in published)

    run(story)


def test_a_sealed_column_opens_only_in_its_own_place(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ada, bob = await world.sign_up(), await world.sign_up("bob@example.org")
        places: list[tuple[str, str, tuple[Value, ...]]] = [
            ("users", "name", ()),
            ("users", "address", ()),
            ("auth_sessions", "name", ()),
            ("auth_sessions", "device", (b"1" * 16,)),
            ("auth_sessions", "device", (b"2" * 16,)),
            ("auth_sessions", "device", ("1" * 16,)),
        ]
        for here, there in combinations(places, 2):
            sealed = ada.columns.seal(here[0], here[1], "secret", *here[2])
            assert ada.columns.open(here[0], here[1], sealed, *here[2]) == "secret"
            with pytest.raises(DecryptionError):
                ada.columns.open(there[0], there[1], sealed, *there[2])
            with pytest.raises(DecryptionError):
                bob.columns.open(here[0], here[1], sealed, *here[2])

    run(story)


def test_every_flipped_bit_and_every_cut_of_a_sealed_column_is_refused(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ada = await world.sign_up()
        sealed = ada.columns.seal("users", "name", "Ada")
        for position in range(len(sealed)):
            changed = bytearray(sealed)
            changed[position] ^= 1
            with pytest.raises(DecryptionError):
                ada.columns.open("users", "name", bytes(changed))
            with pytest.raises(DecryptionError):
                ada.columns.open("users", "name", sealed[:position])

    run(story)


@pytest.fixture(scope="module")
def sealer(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    template = founded(tmp_path_factory.mktemp("sealer"), pair_of("sqlite", engines).platform)

    async def opened() -> Sealer:
        database = SqliteDatabase(template.path)
        keys = await load(database, LocalKeys.load(template.keyfile))
        await database.close()
        return Sealer(keys)

    return asyncio.run(opened())


@given(left=st.lists(values, max_size=4), right=st.lists(values, max_size=4))
def test_two_different_rows_never_have_one_mac(sealer: Sealer, left: list[Value], right: list[Value]) -> None:
    is_same = [(type(value), value) for value in left] == [(type(value), value) for value in right]
    assert (sealer.mac("users", *left) == sealer.mac("users", *right)) is is_same
    assert sealer.mac("users", *left) != sealer.mac("users.password", *left)


def test_nothing_about_a_person_is_readable_in_the_file(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up(name="Countess Lovelace")
        await world.login()
        await world.database.close()  # writes the log back
        content = b"".join(path.read_bytes() for path in world.keyfile.parent.parent.glob("platform.db*"))
        for secret in (ADDRESS, "ada", "Countess", "Lovelace", "Firefox", "192.0.2.1"):
            assert secret.encode() not in content

    run(story)


def test_a_sealed_column_is_bound_to_its_user_and_not_only_to_the_key(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        here, there = Sealer.of(b"a" * 16, new.keys.key), Sealer.of(b"b" * 16, new.keys.key)
        with pytest.raises(DecryptionError):
            there.open("users", "name", here.seal("users", "name", "Ada"))

    run(story)
