"""What every collection keeps, whatever it is: the tests run over the registry, not over a list of their own."""

from collections.abc import Callable

import pytest

from tests.support import Story, World
from timos.vault.collections import COLLECTIONS
from timos.vault.record import Collection

DAY = "2026-11-20"


def addresses(collection: Collection) -> list[str]:
    """The address of one record of each kind."""
    if not collection.has_days:
        return [collection.path]
    if collection.key == ("day",):
        return [f"{collection.path}/{DAY}"]
    return [f"{collection.path}/{DAY}/{kind}" for kind in collection.kinds]


ADDRESSES = [pytest.param(address, id=address) for collection in COLLECTIONS for address in addresses(collection)]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_was_written_is_read_back(tell: Callable[[Story], None], address: str) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        assert (await sam.call("GET", address)).status_code == 404
        made = await sam.call("PUT", address, {})
        assert made.status_code == 201
        read = await sam.call("GET", address)
        assert read.status_code == 200
        assert read.json() == made.json()
        assert read.headers["etag"] == made.json()["etag"]

    tell(story)
