"""Turns for what reads a whole vault: one at a time for each user, few for all, and nobody waits for another user's queue."""

import asyncio
from collections.abc import Coroutine

import pytest

from timos.vault.scans import AT_ONCE, Scans

MANY = 20


class Work:
    """Scans that last until they are let go."""

    def __init__(self) -> None:
        self.scans = Scans()
        self.running: list[bytes] = []
        self.most = 0
        self.go = asyncio.Event()

    async def scan(self, user: bytes) -> None:
        async with self.scans.turn(user):
            self.running.append(user)
            self.most = max(self.most, len(self.running))
            await self.go.wait()
            await asyncio.sleep(0)
            self.running.remove(user)


async def settle() -> None:
    for _ in range(MANY):
        await asyncio.sleep(0)


def start(*works: Coroutine[None, None, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(work) for work in works]


def test_a_user_scans_once_at_a_time_and_holds_one_place_only() -> None:
    async def story() -> None:
        work = Work()
        tasks = start(*(work.scan(b"sam") for _ in range(MANY)), *(work.scan(user) for user in (b"eva", b"kim")))
        await settle()
        assert sorted(work.running) == [b"eva", b"kim", b"sam"]
        work.go.set()
        await asyncio.gather(*tasks)
        assert work.most == 3
        del tasks
        assert not work.scans._users  # nobody is remembered for having scanned

    asyncio.run(story())


def test_few_scan_at_once_and_all_get_their_turn() -> None:
    async def story() -> None:
        work = Work()
        tasks = start(*(work.scan(bytes([number])) for number in range(MANY)))
        await settle()
        assert len(work.running) == AT_ONCE
        work.go.set()
        await asyncio.gather(*tasks)
        assert work.most == AT_ONCE

    asyncio.run(story())


def test_a_scan_that_fails_or_is_given_up_leaves_its_place() -> None:
    async def story() -> None:
        work = Work()
        gone = start(*(work.scan(bytes([number])) for number in range(AT_ONCE)), work.scan(b"\x00"))
        await settle()
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        with pytest.raises(LookupError):
            async with work.scans.turn(b"sam"):
                raise LookupError
        work.go.set()
        await asyncio.gather(*start(*(work.scan(bytes([number])) for number in range(AT_ONCE))))

    asyncio.run(story())
