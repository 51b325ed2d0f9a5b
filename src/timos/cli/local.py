"""Commands of the operator: they open the settings and the databases of this machine, not the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from timos import config
from timos.config import Settings
from timos.crypto.passwords import Cost
from timos.kernel.clock import SystemClock
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance, Numbers, open_instance
from timos.platform.auth.limits import AuthLimits, Window

Result = TypeVar("Result")
HOUR = 3600


def places_of(settings: Settings) -> Places:
    """Files and folders of the instance that these settings name."""
    return Places(
        data_dir=settings.data_dir,
        platform_at=settings.platform_address,
        vault_at=settings.vault_address,
        key=settings.key_path,
        ledger=settings.ledger_path,
    )


def numbers_of(settings: Settings) -> Numbers:
    """What these settings tune."""
    return Numbers(
        password_cost=Cost(memory_kib=settings.argon2_memory_kib, time=settings.argon2_time),
        limits=AuthLimits(sign_up=Window(settings.sign_ups_per_hour, HOUR)),
        issuer=settings.url,
        must_last=settings.profile == "production",
    )


def with_instance(work: Callable[[Instance], Awaitable[Result]]) -> Result:
    """Open the instance beside a running server, work, close.

    Raises:
        StartError: there is no instance yet, its key is missing, or it needs a migration.
    """

    async def run() -> Result:
        settings = config.load()
        instance = await open_instance(places_of(settings), numbers_of(settings), clock=SystemClock())
        try:
            return await work(instance)
        finally:
            await instance.close()

    return asyncio.run(run())
