"""A session is good until it is ended, and not one request longer; a stolen token betrays itself."""

import asyncio
import os
from collections.abc import Callable

import pytest

from tests.platform.support import ADDRESS, HOME, PASSWORD, Story, World
from timos.kernel.errors import DecryptionError, InputError, NotFoundError, StepUpError, UnauthenticatedError
from timos.kernel.ids import text_of
from timos.platform.accounts.account import Role
from timos.platform.auth.sessions.session import ABSOLUTE_MS, IDLE_MS, Kind, SignIn
from timos.platform.auth.sessions.sessions import MOST_PER_USER
from timos.platform.auth.tokens import ACCESS_SECONDS, Access, Tokens

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

NEW_PASSWORD = "quite another phrase now"
DAY_SECONDS = 86_400


async def refreshed(world: World, token: str, kind: Kind = "cookie") -> SignIn:
    return await world.platform.sessions.refresh(token, kind=kind)


async def is_alive(world: World, token: str) -> bool:
    try:
        await world.platform.sessions.check(token)
    except UnauthenticatedError:
        return False
    return True


# login and check


def test_a_login_gives_a_session_that_is_checked(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up(role=Role.ADMIN)
        signed_in = await world.login()
        session = await world.platform.sessions.check(signed_in.access_token)
        assert session == signed_in.session
        assert session.user_id == new.account.id
        assert (session.kind, session.aal, session.role, session.key_epoch) == ("cookie", 1, Role.ADMIN, 1)
        assert session.auth_time_ms == world.clock.now_ms()
        assert signed_in.profile == new.profile
        assert await (await world.restarted()).platform.sessions.check(signed_in.access_token) == session
        assert world.events()[-2:] == ["session.started", "login.succeeded"]

    run(story)


def test_sign_up_and_first_session_are_one_transaction(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.platform.accounts.prepare(ADDRESS, PASSWORD, "Ada")
        begun = world.platform.sessions.begin(new, kind="bearer", device="timos", client_address=HOME)
        with pytest.raises(UnauthenticatedError):
            await world.platform.sessions.check(begun.sign_in.access_token)
        async with world.database.transaction() as tx:
            await world.platform.accounts.insert(tx, new)
            await world.platform.sessions.insert(tx, begun)
        assert (await world.platform.sessions.check(begun.sign_in.access_token)).kind == "bearer"
        assert (await refreshed(world, begun.sign_in.refresh_token, "bearer")).profile == new.profile

    run(story)


def test_a_wrong_password_opens_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        with pytest.raises(UnauthenticatedError):
            await world.login(password="not the password at all")
        assert world.sql("SELECT count(*) FROM auth_sessions") == [(0,)]
        assert "login.failed" in world.events()

    run(story)


def test_what_is_no_address_is_said_so(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        with pytest.raises(InputError) as caught:
            await world.login("nobody")
        assert caught.value.path == "$.address"

    run(story)


def test_a_session_ends_after_ninety_days_however_busy(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        for _ in range(ABSOLUTE_MS // (DAY_SECONDS * 10_000) - 1):
            world.clock.advance(days=10)
            signed_in = await refreshed(world, signed_in.refresh_token)
        world.clock.advance(days=10, seconds=-60)
        signed_in = await refreshed(world, signed_in.refresh_token)
        assert await is_alive(world, signed_in.access_token)
        world.clock.advance(seconds=60)
        assert not await is_alive(world, signed_in.access_token)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, signed_in.refresh_token)

    run(story)


def test_a_session_left_idle_for_thirty_days_is_over(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        world.clock.advance(seconds=IDLE_MS // 1000 - 1)
        signed_in = await refreshed(world, signed_in.refresh_token)
        world.clock.advance(seconds=IDLE_MS // 1000)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, signed_in.refresh_token)
        assert await world.platform.sessions.list(signed_in.session) == []

    run(story)


def test_an_authentic_token_for_somebody_elses_session_is_refused(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        bob = await world.sign_up("bob@example.org")
        await world.sign_up()
        ada = (await world.login()).session
        token = world.platform.tokens.mint_access(Access(ada.id, bob.account.id, 1, 1, ada.auth_time_ms))
        assert not await is_alive(world, token)

    run(story)


def test_a_token_of_another_epoch_is_refused(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        session = (await world.login()).session
        for epoch in (0, 2):
            token = world.platform.tokens.mint_access(Access(session.id, session.user_id, epoch, 1, session.auth_time_ms))
            assert not await is_alive(world, token)

    run(story)


def test_a_changed_key_epoch_is_seen_with_the_next_request(run: Callable[[Story], None]) -> None:
    """The row is changed as a rotation in another process would: with the right MAC."""

    async def story(world: World) -> None:
        new = await world.sign_up()
        signed_in = await world.login()
        account = new.account
        columns = (
            account.id,
            account.address_index,
            account.role.value,
            account.status.value,
            account.auth_epoch,
            2,
            account.created_at_ms,
        )
        assert (await world.platform.sessions.check(signed_in.access_token)).key_epoch == 1
        world.sql("UPDATE users SET key_epoch = 2, mac = ?", world.platform.accounts._sealer.mac("users", *columns))
        assert (await world.platform.sessions.check(signed_in.access_token)).key_epoch == 2

    run(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
@pytest.mark.parametrize(
    "edit",
    [
        "auth_sessions SET kind = 'bearer'",
        "auth_sessions SET auth_epoch = 7",
        "auth_sessions SET aal = 2",
        "auth_sessions SET auth_at = auth_at + 1",
        "auth_sessions SET created_at = created_at + 1",
        "auth_sessions SET expires_at = expires_at + 1",
        "auth_sessions SET mac = zeroblob(32)",
        "users SET role = 'admin'",
        "users SET key_epoch = 0",
        "users SET auth_epoch = 7",
    ],
)
def test_an_edited_session_or_account_is_refused_also_after_it_was_judged_good(run: Callable[[Story], None], edit: str) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        assert await is_alive(world, signed_in.access_token)
        world.sql(f"UPDATE {edit}")
        with pytest.raises(DecryptionError):
            await world.platform.sessions.check(signed_in.access_token)
        with pytest.raises(DecryptionError):
            await refreshed(world, signed_in.refresh_token)
        assert world.events().count("record.unreadable") == 2

    run(story)


def test_a_session_handed_to_another_user_in_the_database_opens_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ada = await world.sign_up()
        await world.sign_up("mallory@example.org")
        mine = await world.login("mallory@example.org")
        world.sql("UPDATE auth_sessions SET user_id = ?", ada.account.id)
        assert not await is_alive(world, mine.access_token)
        with pytest.raises(DecryptionError):
            await refreshed(world, mine.refresh_token)

    run(story)


def test_a_refresh_hash_planted_into_another_session_opens_nothing(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await world.sign_up("mallory@example.org")
        victim, mine = await world.login(), await world.login("mallory@example.org")
        planted = Tokens.parse_refresh(mine.refresh_token)
        forged = text_of(victim.session.id + planted.raw[16:])
        world.sql("UPDATE auth_sessions SET refresh_hash = ? WHERE id = ?", Tokens.parse_refresh(forged).hash, victim.session.id)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, forged)

    run(story)


# refresh


def test_a_refresh_gives_new_tokens_of_the_same_session(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        world.clock.advance(seconds=ACCESS_SECONDS)
        second = await refreshed(world, first.refresh_token)
        assert second.session == first.session
        assert second.refresh_token != first.refresh_token
        assert second.csrf_token == first.csrf_token
        assert await is_alive(world, second.access_token)
        assert not await is_alive(world, first.access_token)

    run(story)


def test_repeating_a_refresh_within_thirty_seconds_gives_the_same_successor(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        second = await refreshed(world, first.refresh_token)
        world.clock.advance(seconds=29)
        again = await refreshed(await world.restarted(), first.refresh_token)
        assert again.refresh_token == second.refresh_token
        await refreshed(world, second.refresh_token)

    run(story)


def test_refreshes_at_the_same_time_agree_on_one_successor(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        results = await asyncio.gather(*(refreshed(world, first.refresh_token) for _ in range(10)))
        assert len({result.refresh_token for result in results}) == 1
        assert await is_alive(world, results[0].access_token)

    run(story)


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_predecessor_that_comes_back_later_ends_the_session(run: Callable[[Story], None], seconds: int) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        second = await refreshed(world, first.refresh_token)
        world.clock.advance(seconds=seconds)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, first.refresh_token)
        assert not await is_alive(world, second.access_token)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, second.refresh_token)
        assert world.events().count("session.reused") == 1

    run(story)


def test_a_grandparent_ends_the_session_even_within_thirty_seconds(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        second = await refreshed(world, first.refresh_token)
        third = await refreshed(world, second.refresh_token)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, first.refresh_token)
        assert not await is_alive(world, third.access_token)
        assert "session.reused" in world.events()

    run(story)


def test_reuse_in_one_session_leaves_the_others_alone(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        stolen, other = await world.login(), await world.login()
        await refreshed(world, stolen.refresh_token)
        world.clock.advance(seconds=31)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, stolen.refresh_token)
        assert await is_alive(world, other.access_token)

    run(story)


def test_a_forged_refresh_token_ends_no_session(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        raw = Tokens.parse_refresh(signed_in.refresh_token).raw
        forgeries = [raw[:16] + os.urandom(64), os.urandom(80), raw[:-1] + bytes([raw[-1] ^ 1]), raw[:16] + bytes(32) + raw[48:]]
        for forged in forgeries:
            with pytest.raises(UnauthenticatedError):
                await refreshed(world, text_of(forged))
        assert await is_alive(world, signed_in.access_token)
        assert "session.reused" not in world.events()

    run(story)


@pytest.mark.parametrize(("made", "came"), [("cookie", "bearer"), ("bearer", "cookie")])
def test_a_refresh_token_of_one_kind_does_not_come_another_way(run: Callable[[Story], None], made: Kind, came: Kind) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.platform.sessions.login(ADDRESS, PASSWORD, kind=made, device="", client_address=HOME)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, signed_in.refresh_token, came)
        await refreshed(world, signed_in.refresh_token, made)

    run(story)


def test_the_successor_is_stored_sealed_and_wiped_after_its_time(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first = await world.login()
        second = await refreshed(world, first.refresh_token)
        stored = world.sql("SELECT successor FROM auth_sessions")[0][0]
        assert isinstance(stored, bytes)
        assert Tokens.parse_refresh(second.refresh_token).secret not in stored
        world.clock.advance(seconds=30)
        await world.login()  # any login or refresh wipes
        assert world.sql("SELECT successor, successor_until FROM auth_sessions WHERE id = ?", first.session.id) == [(None, None)]

    run(story)


# ending


def test_logout_ends_this_session_at_once_and_no_other(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        one, other = await world.login(), await world.login()
        await refreshed(world, one.refresh_token)
        assert await is_alive(world, one.access_token)
        await world.platform.keyring.unlock(one.session.user_id, 1)
        await world.platform.sessions.logout(one.session)
        assert not await is_alive(world, one.access_token)
        assert world.platform.keyring.cached(one.session.user_id, 1) is None
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, one.refresh_token)
        assert await is_alive(world, other.access_token)
        assert world.sql("SELECT successor, previous_hash FROM auth_sessions WHERE id = ?", one.session.id) == [(None, None)]
        with pytest.raises(NotFoundError):
            await world.platform.sessions.logout(one.session)

    run(story)


def test_a_session_ended_in_another_process_is_over_here_too(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        assert await is_alive(world, signed_in.access_token)
        await (await world.restarted()).platform.sessions.logout(signed_in.session)
        assert not await is_alive(world, signed_in.access_token)

    run(story)


def test_a_user_sees_and_ends_their_own_sessions_only(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await world.sign_up("bob@example.org")
        bob = await world.login("bob@example.org")
        first = await world.login()
        world.clock.advance(seconds=60)
        second = await world.login(client_address="2001:db8::1")
        views = await world.platform.sessions.list(first.session)
        assert [view.id for view in views] == [second.session.id, first.session.id]
        assert [view.is_current for view in views] == [False, True]
        assert [view.client_address for view in views] == ["2001:db8::1", HOME]
        assert {view.device for view in views} == {"Firefox on Linux"}
        assert views[0].created_at_ms == views[0].last_seen_ms == world.clock.now_ms()
        for nobody in (bob.session.id, b"x" * 16):
            with pytest.raises(NotFoundError):
                await world.platform.sessions.revoke(first.session.user_id, nobody)
        assert await is_alive(world, bob.access_token)
        await world.platform.sessions.revoke(first.session.user_id, second.session.id)
        assert not await is_alive(world, second.access_token)
        assert [view.id for view in await world.platform.sessions.list(first.session)] == [first.session.id]

    run(story)


def test_last_seen_moves_with_a_refresh(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        world.clock.advance(seconds=3600)
        signed_in = await refreshed(world, signed_in.refresh_token)
        assert (await world.platform.sessions.list(signed_in.session))[0].last_seen_ms == world.clock.now_ms()

    run(story)


def test_all_other_sessions_are_ended_together(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        here, *others = [await world.login() for _ in range(4)]
        assert await world.platform.sessions.revoke_others(here.session) == 3
        assert await world.platform.sessions.revoke_others(here.session) == 0
        assert await is_alive(world, here.access_token)
        assert not any([await is_alive(world, other.access_token) for other in others])

    run(story)


def test_the_session_unseen_for_longest_makes_place(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        oldest = await world.login()
        for _ in range(MOST_PER_USER - 1):
            world.clock.advance(seconds=1)
            newest = await world.login()
        assert await is_alive(world, oldest.access_token)
        world.clock.advance(seconds=1)
        newest = await world.login()
        assert not await is_alive(world, oldest.access_token)
        assert len(await world.platform.sessions.list(newest.session)) == MOST_PER_USER

    run(story)


def test_after_a_restore_nothing_of_before_is_valid(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        await world.platform.step_up.grant(signed_in.session, PASSWORD, "erase", HOME)
        await world.platform.sessions.void_all()
        assert not await is_alive(world, signed_in.access_token)
        with pytest.raises(UnauthenticatedError):
            await refreshed(world, signed_in.refresh_token)
        assert world.sql("SELECT count(*) FROM one_time_tokens") == [(0,)]
        await world.login()

    run(story)


def test_purging_takes_one_users_sessions(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        await world.sign_up("bob@example.org")
        gone, bob = await world.login(), await world.login("bob@example.org")
        async with world.database.transaction() as tx:
            assert await world.platform.sessions.purge(tx, new.account.id) == 1
        assert not await is_alive(world, gone.access_token)
        assert await is_alive(world, bob.access_token)

    run(story)


# a new password


def test_a_new_password_ends_every_other_session_and_renews_this_one(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        here, other = await world.login(), await world.login()
        world.clock.advance(seconds=5)
        renewed = await world.platform.sessions.change_password(here.session, PASSWORD, NEW_PASSWORD, HOME)
        assert renewed.session.id == here.session.id
        assert renewed.session.auth_time_ms == world.clock.now_ms()
        assert await is_alive(world, renewed.access_token)
        for dead in (here, other):
            assert not await is_alive(world, dead.access_token)
            with pytest.raises(UnauthenticatedError):
                await refreshed(world, dead.refresh_token)
        assert await is_alive(world, renewed.access_token)  # a token of before the new password is void, not a sign of theft
        with pytest.raises(UnauthenticatedError):
            await world.login()
        await world.login(password=NEW_PASSWORD)
        assert "password.changed" in world.events()

    run(story)


def test_the_renewed_session_refreshes_and_is_listed(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        here = await world.login()
        await world.login()
        renewed = await world.platform.sessions.change_password(here.session, PASSWORD, NEW_PASSWORD, HOME)
        again = await refreshed(world, renewed.refresh_token)
        assert [view.id for view in await world.platform.sessions.list(again.session)] == [here.session.id]

    run(story)


@pytest.mark.parametrize("new", ["short", "password password 1", ADDRESS])
def test_a_new_password_that_is_refused_changes_nothing(run: Callable[[Story], None], new: str) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        here, other = await world.login(), await world.login()
        with pytest.raises(InputError) as caught:
            await world.platform.sessions.change_password(here.session, PASSWORD, new, HOME)
        assert caught.value.path == "$.new_password"
        assert await is_alive(world, here.access_token)
        assert await is_alive(world, other.access_token)

    run(story)


def test_a_new_password_needs_the_current_one(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        here = await world.login()
        with pytest.raises(StepUpError):
            await world.platform.sessions.change_password(here.session, NEW_PASSWORD, NEW_PASSWORD, HOME)
        await world.login()

    run(story)


def test_of_two_new_passwords_at_once_one_wins_and_works(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        one, other = await world.login(), await world.login()
        passwords = [NEW_PASSWORD, "yet something else entirely"]
        changes = (
            world.platform.sessions.change_password(signed_in.session, PASSWORD, new, HOME)
            for signed_in, new in zip((one, other), passwords, strict=True)
        )
        results = await asyncio.gather(*changes, return_exceptions=True)
        won = [isinstance(result, SignIn) for result in results]
        assert sum(won) == 1
        await world.login(password=passwords[won.index(True)])

    run(story)
