"""Guessing gets slower and then stops; strangers do not slow each other down for nothing; a broken counter admits nobody."""

import asyncio
from collections.abc import Callable

import pytest

from tests.platform.support import ADDRESS, PASSWORD, Story, World
from timos.kernel.errors import DatabaseError, InputError, LimitError, UnauthenticatedError
from timos.platform.auth.limits import AuthLimits, Counter, network_of

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

WRONG = "not the password at all"


async def fail(world: World, times: int, address: str = ADDRESS, network: int = 0) -> None:
    """Wrong attempts, each from an address of its own."""
    for number in range(times):
        with pytest.raises(UnauthenticatedError):
            await world.login(address, WRONG, f"203.0.{network}.{number}")


def test_ten_failures_are_free_and_then_even_the_right_password_waits(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        with pytest.raises(LimitError) as caught:
            await world.login()
        assert caught.value.retry_after_seconds == 300
        world.clock.advance(seconds=299)
        with pytest.raises(LimitError) as caught:
            await world.login()
        assert caught.value.retry_after_seconds == 1
        world.clock.advance(seconds=1)
        await world.login()

    run(story)


def test_each_further_failure_doubles_the_wait_up_to_half_an_hour(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        for wait in (300, 600, 1200, 1800, 1800):
            with pytest.raises(LimitError) as caught:
                await world.login()
            assert caught.value.retry_after_seconds == wait
            world.clock.advance(seconds=wait)
            await fail(world, 1)

    run(story)


def test_who_is_turned_away_does_not_make_the_wait_longer(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        for _ in range(50):
            with pytest.raises(LimitError):
                await world.login()
        world.clock.advance(seconds=300)
        await world.login()

    run(story)


def test_a_success_makes_the_account_start_anew(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        for network in range(5):
            await fail(world, 9, network=network)
            await world.login()

    run(story)


def test_after_a_hundred_failures_in_a_row_only_the_operator_helps(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        world.sql("DELETE FROM attempt_counters")
        await fail(world, 1)
        world.sql("UPDATE attempt_counters SET attempts = 99 WHERE attempts = 1")  # the networks' counters as well
        world.clock.advance(seconds=1800)
        await fail(world, 1, network=1)
        world.clock.advance(days=29)
        with pytest.raises(LimitError):
            await world.login(client_address="198.51.100.77")
        async with world.database.transaction() as tx:
            await world.platform.limits.clear(tx, new.account.address_index)
        await world.login(client_address="198.51.100.77")

    run(story)


def test_an_unknown_address_is_limited_like_a_known_one(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await fail(world, 10, "nobody@example.org")
        with pytest.raises(LimitError) as caught:
            await world.login("nobody@example.org", WRONG)
        assert caught.value.retry_after_seconds == 300

    run(story)


def test_another_spelling_of_the_address_is_the_same_account(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 5)
        await fail(world, 5, ADDRESS.upper(), network=1)
        with pytest.raises(LimitError):
            await world.login()

    run(story)


def test_one_network_may_fail_twenty_times_over_all_accounts(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        for number in range(20):
            with pytest.raises(UnauthenticatedError):
                await world.login(f"user{number}@example.org", WRONG, "198.51.100.7")
        with pytest.raises(LimitError):
            await world.login(client_address="198.51.100.7")
        await world.login(client_address="198.51.100.8")
        world.clock.advance(seconds=300)
        await world.login(client_address="198.51.100.7")

    run(story)


def test_a_house_full_of_people_who_know_their_passwords_is_not_limited(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        for _ in range(30):
            await world.login(client_address="198.51.100.7")

    run(story)


def test_attempts_at_the_same_time_are_all_counted(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        attempts = (world.login(ADDRESS, WRONG, f"203.0.113.{number}") for number in range(30))
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(isinstance(result, UnauthenticatedError) for result in results) == 10
        assert sum(isinstance(result, LimitError) for result in results) == 20

    run(story)


def test_the_counters_hold_in_another_process_and_after_a_restart(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        with pytest.raises(LimitError):
            await (await world.restarted()).login()

    run(story)


def test_a_refused_attempt_costs_no_hash(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        world.pool.close()  # whoever asks it now gets a RuntimeError
        with pytest.raises(LimitError):
            await world.login()

    run(story)


def test_if_the_counters_cannot_be_written_nobody_is_admitted(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        signed_in = await world.login()
        world.sql("DROP TABLE attempt_counters")
        with pytest.raises(DatabaseError):
            await world.login()
        with pytest.raises(DatabaseError):
            await world.platform.sessions.refresh(signed_in.refresh_token, kind="cookie")
        with pytest.raises(DatabaseError):
            await world.platform.step_up.grant(signed_in.session, PASSWORD, "export", "192.0.2.1")
        with pytest.raises(DatabaseError):
            await world.platform.limits.sign_up("192.0.2.1")

    run(story)


def test_five_sign_ups_an_hour_from_one_network(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        for _ in range(5):
            await world.platform.limits.sign_up("2001:db8:1:2::1")
        with pytest.raises(LimitError) as caught:
            await world.platform.limits.sign_up("2001:db8:1:2:ffff::9")
        assert caught.value.retry_after_seconds == 3600
        await world.platform.limits.sign_up("2001:db8:1:3::1")
        world.clock.advance(seconds=3600)
        await world.platform.limits.sign_up("2001:db8:1:2::1")

    run(story)


def test_thirty_refreshes_a_minute_of_one_session(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        first, other = await world.login(), await world.login()
        token = first.refresh_token
        for _ in range(30):
            token = (await world.platform.sessions.refresh(token, kind="cookie")).refresh_token
        with pytest.raises(LimitError):
            await world.platform.sessions.refresh(token, kind="cookie")
        await world.platform.sessions.refresh(other.refresh_token, kind="cookie")
        world.clock.advance(seconds=60)
        await world.platform.sessions.refresh(token, kind="cookie")

    run(story)


def test_the_table_names_no_account_and_no_address(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        new = await world.sign_up()
        await fail(world, 1)
        for (key,) in world.sql("SELECT attempt_counters.key FROM attempt_counters"):
            assert isinstance(key, bytes)
            assert len(key) == 32
            assert key not in (new.account.address_index, new.account.id)
            assert bytes([203, 0, 0, 0]) not in key

    run(story)


def test_old_counters_are_swept_up(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 5)
        assert world.sql("SELECT count(*) FROM attempt_counters")[0] > (5,)
        world.clock.advance(days=31)
        await world.login()
        assert world.sql("SELECT count(*) FROM attempt_counters") == [(2,)]

    run(story)


def test_the_throttling_is_told_once(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        await fail(world, 10)
        for _ in range(5):
            with pytest.raises(LimitError):
                await world.login()
        assert world.events().count("login.failed") == 10
        assert world.events().count("login.throttled") == 1

    run(story)


@pytest.mark.parametrize("text", ["", "unknown", "localhost", "1.2.3", "1.2.3.4.5", "198.51.100.7:80", "unix:"])
def test_a_client_without_an_address_is_not_admitted(text: str) -> None:
    with pytest.raises(InputError):
        network_of(text)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::1", "0.0.0.1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_a_network_is_one_ipv4_address_or_one_household(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    assert (network_of(one) == network_of(other)) is is_same


def test_the_delay_stays_bounded_however_large_the_count() -> None:
    rule = AuthLimits().password_account
    assert rule.wait_ms(Counter(99, 0, 0), 0) == rule.longest_seconds * 1000
