"""A dangerous action needs the password again, for this action, in this session, once."""

from collections.abc import Callable

import pytest

from tests.platform.support import ADDRESS, HOME, PASSWORD, Story, World
from timos.kernel.errors import LimitError, StepUpError
from timos.platform.auth.sessions.session import Session
from timos.platform.auth.stepup import TTL_SECONDS, Action

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


async def grant(world: World, session: Session, password: str = PASSWORD, action: Action = "erase") -> str:
    return await world.platform.step_up.grant(session, password, action, HOME)


async def consume(world: World, session: Session, token: str, action: Action = "erase") -> None:
    async with world.database.transaction() as tx:
        await world.platform.step_up.consume(tx, session, action, token)


async def signed_in(world: World, address: str = ADDRESS) -> Session:
    await world.sign_up(address)
    return (await world.login(address)).session


def test_the_password_buys_the_action_once(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session)
        await consume(world, session, token)
        with pytest.raises(StepUpError):
            await consume(world, session, token)
        assert "stepup.granted" in world.events()

    run(story)


def test_a_token_for_one_action_does_not_serve_another(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session, action="export")
        with pytest.raises(StepUpError):
            await consume(world, session, token)
        await consume(world, session, token, "export")

    run(story)


def test_a_token_is_worth_nothing_in_another_session(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session)
        same_user = (await world.login()).session
        other_user = await signed_in(world, "bob@example.org")
        for other in (same_user, other_user):
            with pytest.raises(StepUpError):
                await consume(world, other, token)
        await consume(world, session, token)

    run(story)


def test_a_token_ends_with_its_time(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session)
        world.clock.advance(seconds=TTL_SECONDS)
        with pytest.raises(StepUpError):
            await consume(world, session, token)

    run(story)


def test_a_wrong_password_buys_nothing_and_counts_as_a_failed_login(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        for _ in range(10):
            with pytest.raises(StepUpError):
                await grant(world, session, "not the password at all")
        with pytest.raises(LimitError):
            await grant(world, session)
        with pytest.raises(LimitError):
            await world.login()
        assert world.sql("SELECT count(*) FROM one_time_tokens") == [(0,)]
        assert world.events().count("stepup.failed") == 10

    run(story)


def test_a_new_password_voids_what_was_granted_before(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session)
        renewed = await world.platform.sessions.change_password(session, PASSWORD, "quite another phrase now", HOME)
        with pytest.raises(StepUpError):
            await consume(world, renewed.session, token)

    run(story)


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "é" * 43])
def test_a_guess_is_refused(run: Callable[[Story], None], text: str) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        await grant(world, session)
        with pytest.raises(StepUpError):
            await consume(world, session, text)

    run(story)


def test_an_invitation_is_no_step_up(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        session = await signed_in(world)
        token = await grant(world, session)
        world.sql("UPDATE one_time_tokens SET purpose = 'invite'")
        with pytest.raises(StepUpError):
            await consume(world, session, token)

    run(story)
