"""What Today and the insights cost with a year and with ten years of days: CPU of this process, medians.

python -m benchmarks.insights [--rounds 9]
"""

import asyncio
import gc
import os
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (an instance of nobody)

from timos.crypto.passwords import Cost
from timos.kernel.clock import SystemClock, instant
from timos.lifecycle.demo.documents import demo_documents
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Numbers, open_instance
from timos.lifecycle.signup import create
from timos.platform.accounts.account import Role
from timos.vault.actions.insights import insights
from timos.vault.actions.today import today

TODAY = date(2026, 11, 22)
PASSWORD = "correct horse battery staple"  # noqa: S105 (of nobody)
RANGES = (30, 90, 365, 3650)


async def measure(folder: Path, days: int, rounds: int) -> None:
    """A vault with so many demo days, in an instance of its own."""
    clock = SystemClock()
    data = folder / "data"
    places = Places(data, data / "platform.db", data / "vault.db", folder / "key" / "master.json", folder / "key" / "erasures.jsonl")
    instance = await open_instance(places, Numbers(password_cost=Cost(memory_kib=64, time=1, lanes=1)), clock=clock, is_server=True)
    try:
        new = await create(instance, address="a@example.org", password=PASSWORD, name="", role=Role.ADMIN)
        account = new.account
        vault = await instance.open_vault(account.id, account.key_epoch)
        records = 0
        for collection, key, document in demo_documents(TODAY, days=days, seed=1):
            await vault.restore(collection, key, document, created_ms=clock.now_ms(), updated_ms=clock.now_ms())
            records += 1
        gc.collect()
        gc.freeze()  # as the server does at its start
        print(f"{days} days, {records} records")
        now = instant(clock.now_ms())
        print(f"  today             {await cpu_ms(lambda: today(vault, now=now, day=TODAY), rounds):8.1f} ms")
        for span in (span for span in RANGES if span <= days):
            first = TODAY - timedelta(days=span - 1)
            spent = await cpu_ms(lambda first=first: insights(vault, first=first, last=TODAY), rounds)  # type: ignore[misc]  # bound at once
            print(f"  insights {span:5} days {spent:6.1f} ms")
    finally:
        await instance.close()


async def cpu_ms(work: Callable[[], Awaitable[object]], rounds: int) -> float:
    """Median over the rounds."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        await work()
        spent.append((time.process_time() - began) * 1000)
    return median(spent)


def main() -> None:
    """A year, then ten."""
    parser = ArgumentParser(prog="python -m benchmarks.insights", description="CPU of Today and the insights.")
    parser.add_argument("--rounds", type=int, default=9, help="medians are taken over so many (9)")
    options = parser.parse_args()
    os.umask(0o077)
    for days in (365, 3650):
        with TemporaryDirectory(prefix="timos-bench-") as folder:
            asyncio.run(measure(Path(folder), days, options.rounds))


if __name__ == "__main__":
    main()
