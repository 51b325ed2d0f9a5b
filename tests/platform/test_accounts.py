"""Accounts: one per address, never readable at rest, never changed behind the program's back."""

import asyncio
from collections.abc import Callable

import pytest

from tests.platform.support import ADDRESS, PASSWORD, Story, World
from timos.kernel.errors import ConflictError, DecryptionError, InputError, NotFoundError, UnauthenticatedError
from timos.platform.accounts.account import Role, Status

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


def test_an_account_is_found_again_with_what_it_was_made_of(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up("  Ada@Example.ORG", name=" Ada Lovelace ", role=Role.ADMIN)
        again = (await world.restarted()).platform.accounts
        found = await again.by_address("ADA@example.org")
        assert found == new.account
        profile = await again.profile(new.account.id)
        assert profile == new.profile
        assert (profile.address, profile.name, profile.role) == ("ada@example.org", "Ada Lovelace", Role.ADMIN)
        assert await again.list() == [profile]
        assert await again.count() == 1

    run(story)


def test_an_unknown_address_has_no_account(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        assert await world.platform.accounts.by_address(ADDRESS) is None
        with pytest.raises(NotFoundError):
            await world.platform.accounts.profile(b"x" * 16)

    run(story)


@pytest.mark.parametrize("spelling", ["ada@example.org", "ADA@EXAMPLE.ORG", "ada＠example.org"])
def test_a_second_account_of_one_address_is_refused_and_leaves_nothing(run: Callable[[Story], None], spelling: str) -> None:
    async def story(world: World) -> None:
        await world.sign_up("ada@example.org")
        with pytest.raises(ConflictError, match="taken"):
            await world.sign_up(spelling)
        assert world.sql("SELECT count(*) FROM users") == [(1,)]
        assert world.sql("SELECT count(*) FROM user_deks") == [(2,)]
        await world.login()

    run(story)


def test_of_two_sign_ups_at_once_one_wins(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        results = await asyncio.gather(*(world.sign_up() for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(result, ConflictError) for result in results) == 3
        assert await world.platform.accounts.count() == 1

    run(story)


@pytest.mark.parametrize(
    ("address", "password", "name", "path"),
    [
        ("ada", PASSWORD, "", "$.address"),
        (ADDRESS, "short", "", "$.password"),
        (ADDRESS, PASSWORD, "n" * 101, "$.name"),
        (ADDRESS, PASSWORD, "A\nB", "$.name"),
    ],
)
def test_a_refused_field_is_named(run: Callable[[Story], None], address: str, password: str, name: str, path: str) -> None:
    async def story(world: World) -> None:
        with pytest.raises(InputError) as caught:
            await world.platform.accounts.prepare(address, password, name)
        assert caught.value.path == path

    run(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
@pytest.mark.parametrize(
    "edit",
    [
        "role = 'admin'",
        "status = 'disabled'",
        "auth_epoch = auth_epoch - 1",
        "key_epoch = key_epoch + 1",
        "created_at = created_at + 1",
        "mac = zeroblob(32)",
    ],
)
def test_an_edited_account_is_refused_and_audited(run: Callable[[Story], None], edit: str) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        world.sql(f"UPDATE users SET {edit}")  # noqa: S608 (one of the list above)
        for refused in (
            world.login(),
            world.platform.accounts.by_address(ADDRESS),
            world.platform.accounts.profile(new.account.id),
            world.platform.accounts.disable(new.account.id),
            world.platform.accounts.list(),
        ):
            with pytest.raises(DecryptionError):
                await refused
        assert world.events().count("record.unreadable") == 5

    run(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
def test_a_planted_account_cannot_sign_in(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        """The attacker has an account, and makes the victim's address lead to it, or puts their own hash in."""
        await world.sign_up(ADDRESS)
        await world.sign_up("mallory@example.org", "an altogether other phrase")
        (index, hashed, mac) = world.sql(
            "SELECT address_index, password_hash, password_mac FROM users ORDER BY created_at, rowid LIMIT 1 OFFSET 1"
        )[0]
        victim = world.sql("SELECT id FROM users ORDER BY rowid LIMIT 1")[0][0]
        world.sql("UPDATE users SET password_hash = ?, password_mac = ? WHERE id = ?", hashed, mac, victim)
        with pytest.raises(DecryptionError):
            await world.login(ADDRESS, "an altogether other phrase")
        world.sql("UPDATE users SET address_index = ? WHERE id <> ?", b"\0" * 32, victim)
        world.sql("UPDATE users SET address_index = ? WHERE id = ?", index, victim)
        with pytest.raises(DecryptionError):
            await world.login("mallory@example.org", "an altogether other phrase")

    run(story)


def test_a_password_hash_does_not_verify_for_another_user_even_without_its_mac(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ada = await world.sign_up(ADDRESS)
        bob = await world.sign_up("bob@example.org")
        passwords = world.platform.passwords
        assert await passwords.verify(ada.account.id, ada.password_hash, PASSWORD)
        assert not await passwords.verify(bob.account.id, ada.password_hash, PASSWORD)

    run(story)


def test_a_name_is_changed_and_sealed(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up(name="Ada")
        assert (await world.platform.accounts.rename(new.account.id, "Countess")).name == "Countess"
        assert (await world.platform.accounts.profile(new.account.id)).name == "Countess"
        with pytest.raises(InputError):
            await world.platform.accounts.rename(new.account.id, "x" * 101)

    run(story)


def test_a_disabled_account_cannot_sign_in_until_it_is_enabled(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        signed_in = await world.login()
        await world.platform.accounts.disable(new.account.id)
        with pytest.raises(UnauthenticatedError):
            await world.platform.sessions.check(signed_in.access_token)
        with pytest.raises(UnauthenticatedError):
            await world.login()
        await world.platform.accounts.enable(new.account.id)
        with pytest.raises(UnauthenticatedError):
            await world.platform.sessions.check(signed_in.access_token)
        assert (await world.login()).profile.status is Status.ACTIVE
        assert {"account.disabled", "account.enabled"} <= set(world.events())

    run(story)


def test_an_account_being_erased_is_not_brought_back(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        accounts = world.platform.accounts
        await accounts.begin_erasure(new.account)
        assert await accounts.erasing() == (new.account.id,)
        for back in (accounts.enable(new.account.id), accounts.disable(new.account.id)):
            with pytest.raises(NotFoundError):
                await back
        with pytest.raises(UnauthenticatedError):
            await world.login()

    run(story)


def test_two_changes_at_once_do_not_overwrite_each_other(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        hashed = await world.platform.passwords.hash(new.account.id, "quite another phrase now")
        await world.platform.accounts.disable(new.account.id)
        with pytest.raises(ConflictError):
            async with world.database.transaction() as tx:
                await world.platform.accounts.set_password(tx, new.account, hashed)
        assert (await world.platform.accounts.by_id(new.account.id)).status is Status.DISABLED

    run(story)


def test_an_operators_new_password_ends_all_sessions_and_the_hard_stop(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        signed_in = await world.login()
        accounts = world.platform.accounts
        hashed = await accounts.hash_password(new.profile, "quite another phrase now")
        async with world.database.transaction() as tx:
            await accounts.set_password(tx, new.account, hashed)
            await world.platform.limits.clear(tx, new.account.address_index)
        with pytest.raises(UnauthenticatedError):
            await world.platform.sessions.check(signed_in.access_token)
        with pytest.raises(UnauthenticatedError):
            await world.login()
        await world.login(password="quite another phrase now")

    run(story)
