"""What a stored row is bound to: the vault, the collection, the id and the clear column, each by itself.

Over HTTP a row moved to another vault meets other keys and does not open anyway. The context has to hold without that: a key that
is ever shared or restored must not make rows movable.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import combinations
from pathlib import Path

import httpx
import pytest

from tests.support import Story, World
from timos.crypto.cipher import pae
from timos.crypto.keys import VaultKeys
from timos.kernel.errors import DecryptionError
from timos.kernel.ids import bytes_of
from timos.platform.accounts.account import FIRST_EPOCH

PIECES = ("format", "vault", "collection", "row", "tag")


async def _keys(world: World, user_id: str) -> VaultKeys:
    return await world.instance.keyring.unlock(bytes_of(user_id) or b"", FIRST_EPOCH)


def _stored(path: Path) -> tuple[bytes, bytes, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        row: tuple[bytes, bytes, bytes] = connection.execute("SELECT vault_id, id, sealed FROM daily_entries").fetchone()
    return row


def test_a_row_opens_in_its_documented_place_and_in_no_other(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        person = await world.sign_up()
        assert (await person.call("PUT", "/api/entries/2025-03-01", {"body": "here"})).status_code == httpx.codes.CREATED
        vault_id, row_id, sealed = _stored(world.places.vault)
        keys = await _keys(world, person.user_id)
        place = (b"timos.vault/1", vault_id, b"daily_entries", row_id, b"")
        assert b'"body":"here"' in keys.cipher.open(sealed, pae(*place))
        for number in range(len(PIECES)):
            for other in (
                (*place[:number], b"x" * 16),
                (*place[:number], b"x" * 16, *place[number + 1 :]),
                place[:number] + place[number + 1 :],
            ):
                with pytest.raises(DecryptionError):
                    keys.cipher.open(sealed, pae(*other))
        for one, two in combinations(range(len(place)), 2):
            swapped = list(place)
            swapped[one], swapped[two] = place[two], place[one]
            with pytest.raises(DecryptionError):
                keys.cipher.open(sealed, pae(*swapped))

    tell(story)
