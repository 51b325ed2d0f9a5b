"""Links that let somebody in: once, for a while, and stored as a hash."""

import asyncio
from collections.abc import Callable

import pytest

from tests.platform.support import ADDRESS, PASSWORD, Story, World
from timos.kernel.errors import ConflictError, RegistrationError
from timos.kernel.ids import bytes_of
from timos.platform.auth.invitations import Invitation

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


async def consume(world: World, token: str) -> Invitation:
    async with world.database.transaction() as tx:
        return await world.platform.invitations.consume(tx, token)


async def sign_up_with(world: World, token: str) -> None:
    new = await world.platform.accounts.prepare(ADDRESS, PASSWORD)
    async with world.database.transaction() as tx:
        await world.platform.invitations.consume(tx, token)
        await world.platform.accounts.insert(tx, new)


@pytest.mark.parametrize("purpose", list(Invitation))
def test_a_token_works_once(run: Callable[[Story], None], purpose: Invitation) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(purpose, 3600)
        assert await consume(world, token) is purpose
        with pytest.raises(RegistrationError):
            await consume(world, token)

    run(story)


def test_of_two_at_once_one_wins(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(Invitation.INVITE, 3600)
        results = await asyncio.gather(*(consume(world, token) for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(result, RegistrationError) for result in results) == 4

    run(story)


def test_a_sign_up_that_fails_gives_the_token_back(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(Invitation.INVITE, 3600)
        await world.sign_up()
        with pytest.raises(ConflictError):
            await sign_up_with(world, token)
        assert await consume(world, token) is Invitation.INVITE

    run(story)


def test_a_token_ends_with_its_time(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(Invitation.SETUP, 3600)
        world.clock.advance(seconds=3600)
        with pytest.raises(RegistrationError):
            await consume(world, token)

    run(story)


def test_a_new_setup_link_makes_the_old_one_worthless_but_no_invitation(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        invitations = world.platform.invitations
        old, invite = await invitations.issue(Invitation.SETUP, 3600), await invitations.issue(Invitation.INVITE, 3600)
        second = await invitations.issue(Invitation.INVITE, 3600)
        new = await invitations.issue(Invitation.SETUP, 3600)
        with pytest.raises(RegistrationError):
            await consume(world, old)
        assert [await consume(world, token) for token in (invite, second, new)] == [Invitation.INVITE, Invitation.INVITE, Invitation.SETUP]

    run(story)


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "é" * 43, "A" * 10_000])
def test_a_guess_is_refused(run: Callable[[Story], None], text: str) -> None:
    async def story(world: World) -> None:
        await world.platform.invitations.issue(Invitation.SETUP, 3600)
        with pytest.raises(RegistrationError):
            await consume(world, text)

    run(story)


def test_a_step_up_token_is_no_invitation(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(Invitation.INVITE, 3600)
        world.sql("UPDATE one_time_tokens SET purpose = 'stepup'")
        with pytest.raises(RegistrationError):
            await consume(world, token)

    run(story)


def test_the_token_itself_is_nowhere_in_the_database(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        token = await world.platform.invitations.issue(Invitation.INVITE, 3600)
        raw = bytes_of(token, 32)
        for row in world.sql("SELECT * FROM one_time_tokens"):
            assert raw not in row
            assert token not in row

    run(story)
