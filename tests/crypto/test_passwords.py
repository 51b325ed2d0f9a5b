"""Argon2id as RFC 9106 has it, and a pool that neither overfills, nor tells accounts apart by time, nor stands still."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crypto.published import cases
from timos.crypto import passwords
from timos.crypto.passwords import Cost, PasswordPool, hash_password, needs_rehash, verify_password
from timos.kernel.errors import DecryptionError, UnavailableError

CHEAP = Cost(memory_kib=64, time=1, lanes=1)
SECRET = b"s" * 32
RFC = [case for case in cases("KDF/argon2id.txt", "count") if int(case["memcost"]) <= 4096]


@pytest.mark.parametrize("case", RFC, ids=lambda case: case["count"])
def test_argon2id_gives_what_rfc_9106_prints(case: dict[str, str]) -> None:
    recipe = Argon2id(
        salt=bytes.fromhex(case["salt"]),
        length=int(case["length"]),
        iterations=int(case["iter"]),
        lanes=int(case["lanes"]),
        memory_cost=int(case["memcost"]),
        ad=bytes.fromhex(case["ad"]) if "ad" in case else None,
        secret=bytes.fromhex(case["secret"]) if "secret" in case else None,
    )
    assert recipe.derive(bytes.fromhex(case["pass"])).hex() == case["output"]


def test_one_of_the_published_cases_has_a_secret() -> None:
    assert any("secret" in case for case in RFC)


def test_the_default_cost_is_the_documented_one() -> None:
    assert Cost().prefix == "$argon2id$v=19$m=65536,t=3,p=4$"


@given(password=st.text(max_size=40), secret=st.binary(max_size=40))
@settings(max_examples=30)
def test_a_password_verifies_against_its_hash(password: str, secret: bytes) -> None:
    assert verify_password(hash_password(password, secret, CHEAP), password, secret)


@given(password=st.text(max_size=20), other=st.text(max_size=20))
@settings(max_examples=30)
def test_only_the_same_password_verifies(password: str, other: str) -> None:
    assert verify_password(hash_password(password, SECRET, CHEAP), other, SECRET) == (password == other)


def test_a_hash_moved_to_another_user_does_not_verify() -> None:
    stored = hash_password("correct horse", b"secret of one", CHEAP)
    assert not verify_password(stored, "correct horse", b"secret of two")
    assert not verify_password(stored, "correct horse", b"")


def test_half_a_surrogate_pair_is_a_wrong_password_and_no_crash() -> None:
    assert not verify_password(hash_password("correct horse", SECRET, CHEAP), "\ud800", SECRET)


def test_two_hashes_of_one_password_differ_and_name_their_cost() -> None:
    first, second = (hash_password("the same", SECRET, CHEAP) for _ in range(2))
    assert first != second
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$")


def test_a_changed_hash_does_not_verify() -> None:
    stored = hash_password("correct horse", SECRET, CHEAP)
    for position in range(stored.rindex("$") + 1, len(stored) - 1):  # the last character carries two unused bits
        changed = stored[:position] + ("A" if stored[position] != "A" else "B") + stored[position + 1 :]
        assert not verify_password(changed, "correct horse", SECRET)


GOOD = hash_password("x", SECRET, CHEAP)
MALFORMED = {
    "nothing": "",
    "another algorithm": GOOD.replace("argon2id", "argon2i"),
    "another version": GOOD.replace("v=19", "v=16"),
    "bcrypt": "$2b$12$KIXQ4aV0nq3bq1q8gY1oU.6wV6fQw1Fh0wYw5m0u3iOqv5Fv0m0Gy",
    "plain text": "correct horse",
    "a shorter output": GOOD[:-1],
    "a longer output": GOOD + "A",
    "something after it": GOOD + "\n",
    "too little memory": GOOD.replace("m=64", "m=1"),
    "all the memory": GOOD.replace("m=64", "m=9999999"),
    "more than all the memory": GOOD.replace("m=64", "m=99999999999"),
    "no lanes": GOOD.replace("p=1", "p=0"),
    "no time": GOOD.replace("t=1", "t=0"),
    "digits of another script": GOOD.replace("m=64", "m=६४"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_hash_of_ours_is_an_error_and_not_a_wrong_password(name: str) -> None:
    with pytest.raises(DecryptionError):
        verify_password(MALFORMED[name], "x", SECRET)


def test_a_hash_of_another_cost_is_due_for_a_new_one() -> None:
    assert not needs_rehash(GOOD, CHEAP)
    for cost in (Cost(), Cost(memory_kib=65, time=1, lanes=1), Cost(memory_kib=64, time=2, lanes=1), Cost(memory_kib=64, time=1, lanes=2)):
        assert needs_rehash(GOOD, cost)


@contextmanager
def pool(threads: int = 1, cost: Cost = CHEAP, *, queue_seconds: float = 2.0) -> Iterator[PasswordPool]:
    made = PasswordPool(threads, cost, queue_seconds=queue_seconds)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def all_lanes_taken() -> Iterator[None]:
    """Holds up every hash of more than one lane, as a long one would."""
    passwords._LANES_TURN.acquire()
    try:
        yield
    finally:
        passwords._LANES_TURN.release()


SLOW = Cost(memory_kib=64, time=1, lanes=2)


def test_the_pool_hashes_and_verifies() -> None:
    async def story(made: PasswordPool) -> None:
        stored = await made.hash("correct horse", SECRET)
        assert await made.verify(stored, "correct horse", SECRET)
        assert not await made.verify(stored, "wrong horse", SECRET)
        assert not made.needs_rehash(stored)
        with pytest.raises(DecryptionError):
            await made.verify("damaged", "correct horse", SECRET)
        await made.verify_nothing("correct horse")

    with pool(2) as made:
        asyncio.run(story(made))


def test_a_full_pool_says_so_and_serves_again_when_there_is_room() -> None:
    async def story(made: PasswordPool) -> None:
        with all_lanes_taken():
            served = [asyncio.ensure_future(made.hash("x", SECRET)) for _ in range(2)]
            await asyncio.sleep(0)  # both take their places
            for refused in (made.hash("x", SECRET), made.verify(GOOD, "x", SECRET), made.verify_nothing("x")):
                with pytest.raises(UnavailableError) as caught:
                    await asyncio.wait_for(refused, 10)
                assert caught.value.retry_after_seconds > 0
        assert all(await asyncio.gather(*served))
        assert await made.hash("x", SECRET)

    with pool(2, SLOW, queue_seconds=0.02) as made:
        asyncio.run(story(made))


def test_a_caller_that_goes_away_keeps_its_place_until_the_thread_is_free() -> None:
    async def story(made: PasswordPool) -> None:
        with all_lanes_taken():
            gone = asyncio.ensure_future(made.hash("x", SECRET))
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(made.hash("x", SECRET), 10)
        made._queue_seconds = 30.0
        assert await made.hash("x", SECRET)

    with pool(1, SLOW, queue_seconds=0.02) as made:
        asyncio.run(story(made))


def test_a_caller_that_goes_away_while_waiting_leaves_no_hole() -> None:
    async def story(made: PasswordPool) -> None:
        with all_lanes_taken():
            first, second, third = (asyncio.ensure_future(made.hash("x", SECRET)) for _ in range(3))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
        assert await first
        assert await third

    with pool(1, SLOW, queue_seconds=30.0) as made:
        asyncio.run(story(made))


def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    async def story(made: PasswordPool) -> int:
        turns = 0
        with all_lanes_taken():
            running = asyncio.ensure_future(made.hash("x", SECRET))
            for _ in range(100):
                await asyncio.sleep(0)
                turns += not running.done()
        await running
        return turns

    with pool(1, SLOW) as made:
        assert asyncio.run(story(made)) == 100


def test_many_hashes_of_four_lanes_at_once_all_come_to_an_end() -> None:
    # without a turn they stand still for ever, each with a part of OpenSSL's worker threads in its hands
    def work() -> None:
        for _ in range(8):
            verify_password(hash_password("x", SECRET, Cost(memory_kib=1024, time=1, lanes=4)), "x", SECRET)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def test_an_account_that_does_not_exist_takes_the_same_work() -> None:
    cost = Cost(memory_kib=16384, time=2, lanes=1)
    with pool(1, cost) as made:
        stored = hash_password("correct horse", SECRET, cost)
        real = min(_processor_seconds(stored) for _ in range(5))
        nothing = min(_processor_seconds(made._nothing) for _ in range(5))
    assert 0.5 < nothing / real < 2


def _processor_seconds(stored: str) -> float:
    before = time.thread_time()
    assert not verify_password(stored, "wrong horse", SECRET)
    return time.thread_time() - before


def test_no_password_fits_the_account_that_does_not_exist() -> None:
    with pool(1, Cost(memory_kib=64, time=1, lanes=4)) as made:
        assert made._nothing.startswith(made.cost.prefix)
        assert not verify_password(made._nothing, "", b"")
