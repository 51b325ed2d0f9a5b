"""A server with the demo's half year in it: to look at every screen while something is on it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support import Server, numbers, server_in, settings_in
from timos.cli.local import places_of
from timos.kernel.clock import SystemClock
from timos.lifecycle.demo import telling
from timos.lifecycle.instance import open_instance


@contextmanager
def demo_in(folder: Path, *, is_morning: bool = False) -> Iterator[Server]:
    """Others may sign up beside the demo's person. In the morning nothing of today is written yet."""
    asyncio.run(_tell(folder, days_ago=int(is_morning)))
    with server_in(folder) as server:
        yield server


async def _tell(folder: Path, *, days_ago: int) -> None:
    clock = SystemClock()
    instance = await open_instance(places_of(settings_in(folder)), numbers(), clock=clock, is_server=True)
    try:
        await telling.tell(instance, telling.today_at(clock.now_ms()) - timedelta(days=days_ago))
    finally:
        await instance.close()


def enter(page: Page, url: str) -> None:
    """As the demo's person; on Today afterwards."""
    page.goto(f"{url}/login")
    page.get_by_label("E-mail address").fill(telling.ADDRESS)
    page.get_by_label("Password", exact=True).fill(telling.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("region", name="Today’s entry")).to_be_visible()
