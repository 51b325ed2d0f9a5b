"""Somebody whose vault is as full as it may be searches all of it, while others write and read."""

import asyncio
import os
import threading
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import httpx
import pytest

from tests import databases
from tests.durability.steps import sign_in
from tests.lifecycle.stage import person, places_in, started, vault_of
from tests.support import NOW_MS, Server, Template, server_in
from timos.kernel.db.address import Address
from timos.kernel.ids import ID_BYTES
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.quota import Quota
from timos.vault.store.sealing import encoded, seal_row
from timos.vault.store.stored import Stored
from timos.vault.store.vault import Vault

pytestmark = pytest.mark.slow

ROWS = 200_000
LAST = date(2026, 11, 19).toordinal()
EIGHTH = 8  # every eighth day is told in another word
DAY = "2026-11-20"
INSERT = "INSERT INTO daily_entries (vault_id, id, sealed) VALUES"
SLICE = 5_000  # rows of one INSERT
SECONDS = 120
GROWTH_MIB = 16  # of the server while it searches; the rows are 120 MiB

Sealed = tuple[bytes, bytes, bytes]


def sealed_rows(vault: Vault) -> Iterator[Sealed]:
    """As the vault would write them one by one, but in the order of their ids, which is the order of the table."""
    keys = dict(vault._rows_between(ENTRIES, date.fromordinal(LAST - ROWS + 1), date.fromordinal(LAST)))
    for number, row_id in enumerate(sorted(keys)):
        document = DailyEntry(day=date.fromisoformat(keys[row_id][0]), body="a bright day" if number % EIGHTH else "a dark night")
        fresh = Stored(
            collection=ENTRIES.name,
            key=keys[row_id],
            rev=os.urandom(ID_BYTES),
            created_ms=NOW_MS,
            updated_ms=NOW_MS,
            raw=encoded(ENTRIES, document),
        )
        yield vault._keys.vault_id, row_id, seal_row(vault._keys, ENTRIES, fresh, row_id, None)


def insert(address: Address, rows: list[Sealed]) -> None:
    """Behind the program's back, and on a server with one question."""
    if isinstance(address, Path):
        databases.sql_in_turn(address, *((f"{INSERT} (?, ?, ?)", *row) for row in rows))
        return
    form = r"'\x{}'" if address.dialect == "postgresql" else "x'{}'"
    lines = ("(" + ",".join(form.format(value.hex()) for value in row) + ")" for row in rows)
    databases.sql(address, f"{INSERT} {','.join(lines)}")


async def fill(folder: Path, urls: dict[str, object]) -> None:
    """With somebody who has much, and somebody who has nothing yet."""
    places = places_in(folder, **urls)
    async with started(places) as instance:
        vault = await vault_of(instance, await person(instance, "much"))
        await person(instance, "little")
        rows = sealed_rows(vault)
        while some := list(islice(rows, SLICE)):
            insert(places.vault_at, some)


def highest_mib(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def search(url: str, headers: dict[str, str], answers: list[httpx.Response]) -> None:
    answers.append(httpx.post(f"{url}/api/search", json={"query": "bright"}, headers=headers, timeout=SECONDS))


@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
def test_a_search_of_a_full_vault_keeps_nobody_from_writing_and_reading(template_on: Template, tmp_path: Path) -> None:
    assert Quota()._rows == ROWS
    with template_on.copied(tmp_path) as urls:
        asyncio.run(fill(tmp_path, urls))
        given = {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()}
        with server_in(tmp_path, template=None, **given) as server, httpx.Client(base_url=server.url, timeout=SECONDS) as client:
            answers: list[httpx.Response] = []
            searching = threading.Thread(target=search, args=(server.url, sign_in(client, "much"), answers))
            client.headers.update(sign_in(client, "little"))
            before = highest_mib(server)
            searching.start()
            written = 0
            while searching.is_alive():
                known = {"if-match": "*"} if written else {}
                answer = client.put(f"/api/entries/{DAY}", json={"body": f"number {written}"}, headers=known)
                assert answer.is_success, answer.text
                assert client.get(f"/api/entries/{DAY}").json()["document"]["body"] == f"number {written}"
                written += 1
            searching.join()
            grown = highest_mib(server) - before
        [found] = answers
        assert found.is_success, found.text
        assert found.json()["total"] == ROWS - ROWS // EIGHTH
        assert written > 10  # whoever had to wait for the search to end would have written once
        assert grown < GROWTH_MIB
