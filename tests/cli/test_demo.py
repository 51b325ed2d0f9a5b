"""`timos demo`: half a year to look at, and nothing left behind."""

import asyncio
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.support import World, environment_in, world_in
from timos.lifecycle.demo import telling


@pytest.mark.slow
def test_the_demo_account_has_its_half_year(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        records = await telling.tell(world.instance, telling.today_at(world.clock.now_ms()))
        assert records > telling.DAYS
        credentials = {"address": telling.ADDRESS, "password": telling.PASSWORD, "kind": "bearer"}
        token = (await world.client.post("/api/auth/login", json=credentials)).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        today = (await world.client.get("/api/today", headers=headers)).json()
        assert today["morning"]
        assert today["habits"]
        assert today["week"]["carried"]
        insights = (await world.client.get("/api/insights?from=2026-06-01&to=2026-11-22", headers=headers)).json()
        assert insights["patterns"]["drivers"]  # something to find is in it

    async def run() -> None:
        async with world_in(tmp_path, template=None) as world:
            await story(world)

    asyncio.run(run())


def test_a_demo_that_is_started_at_night_ends_with_the_day_before() -> None:
    hour = 60 * 60 * 1000
    midnight = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
    assert [telling.today_at(midnight + at * hour).day for at in (-1, 0, 2, 3)] == [22, 22, 22, 23]


@pytest.mark.slow
def test_a_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    for name in ("TIMOS_DATA_DIR", "TIMOS_MASTER_KEY", "TIMOS_REGISTRATION"):
        del environment[name]
    line = [sys.executable, "-m", "timos", "demo", "--no-browser", "--port", environment["TIMOS_PORT"]]
    process = subprocess.Popen(line, env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if httpx.get(f"{environment['TIMOS_SERVER']}/livez").is_success:
                break
        except httpx.TransportError:
            time.sleep(0.05)
    assert list(tmp_path.glob("timos-demo-*"))
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert not list(tmp_path.glob("timos-demo-*"))
    assert not (tmp_path / ".config").exists()
    assert not (tmp_path / ".local").exists()
    assert list(tmp_path.iterdir()) == []
