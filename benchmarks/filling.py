"""A crowd with its days, made by the product's own code in a process of its own, beside a server that nobody asks anything yet.

Through the API each would cost the frame twice, and the judgement of a new password, in a process of its own, a fifth of a second.
All have the same password, which is judged once. What is stored is the same.

python -m benchmarks.filling USERS DAYS    # with the settings of that server; prints number and refresh token of each
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address

from rich.progress import track

from benchmarks import people
from benchmarks.alone import PASSWORD
from benchmarks.server import Server
from timos.cli.local import with_instance
from timos.kernel.ids import ID_BYTES, text_of
from timos.lifecycle import signup
from timos.lifecycle.import_ import import_
from timos.lifecycle.instance import Instance
from timos.platform.auth import passwords
from timos.platform.auth.guessing import guesses
from timos.platform.auth.sessions.session import Session

AT_ONCE = 3  # each imports 64 days at once, and of statements that wait for a database server more than 256 are refused
MANY = 1000


def address_of(number: int) -> str:
    """The network address of a user, which a server believes that has us for its proxy: all from one would be too many for the limits."""
    return str(IPv4Address("10.0.0.0") + number)


def filled(server: Server, users: int, days: int) -> list[str]:
    """Their refresh tokens. Where there are thousands it takes minutes, which a terminal shows."""
    line = [sys.executable, "-m", "benchmarks.filling", str(users), str(days)]
    tokens = {}
    with subprocess.Popen(line, env=server.environment, stdout=subprocess.PIPE, text=True) as filler:  # noqa: S603 (our own program)
        for told in track(filler.stdout or (), f"fill, {users:,} users", users, transient=True, disable=users < MANY):
            number, token = told.split()
            tokens[int(number)] = token
    if filler.returncode:
        raise SystemExit("The users could not be made.")
    return [tokens[number] for number in range(users)]


def main(users: int, days: int) -> None:
    """The first is the admin."""

    async def fill(instance: Instance) -> None:
        waiting = iter(range(1, users))
        await _fill(instance, await _signed_up(instance, 0, await signup.setup_token(instance)), days)
        setattr(passwords, guesses.__name__, lambda _password, _words: passwords.FEWEST_GUESSES)  # it was judged for the first of them
        turn = asyncio.Lock()  # of making an account: who waits long for a hash is refused
        await asyncio.gather(*(_make_all(instance, turn, waiting, days) for _ in range(AT_ONCE)))

    with_instance(fill)


async def _make_all(instance: Instance, turn: asyncio.Lock, numbers: Iterator[int], days: int) -> None:
    for number in numbers:
        async with turn:
            session = await _signed_up(instance, number, None)
        await _fill(instance, session, days)


async def _signed_up(instance: Instance, number: int, setup: str | None) -> Session:
    who = signup.Newcomer(
        address=f"user{number}@example.org",
        password=PASSWORD,
        name="",
        token=setup,
        kind="bearer",
        device="",
        client_address=address_of(number),
    )
    signed_in = await signup.sign_up(instance, who, registration="open")
    print(number, signed_in.refresh_token, flush=True)
    return signed_in.session


async def _fill(instance: Instance, session: Session, days: int) -> None:
    vault = await instance.open_vault(session.user_id, session.key_epoch)
    lines = [json.dumps({"date": str(day), "text": people.text(people.BODY_BYTES - 150)}) for day in people.days(days)]
    now_ms = instance.clock.now_ms()
    steps = import_(
        vault,
        "\n".join(lines).encode(),
        "jsonl",
        dry_run=False,
        now_ms=now_ms,
        today_utc=datetime.fromtimestamp(now_ms / 1000, UTC).date(),
        batch_id=text_of(instance.random(ID_BYTES)),
    )
    async for _, _, report in steps:
        if report.done > report.new:
            raise SystemExit(f"Not all days were taken in: {report.problems}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
