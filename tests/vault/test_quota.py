"""A vault that is full takes nothing more, and everything in it stays usable."""

from collections.abc import Callable

import httpx

from tests.support import Story, World
from timos.vault.quota import Quota
from timos.web.deps import Services


def limit(world: World, quota: Quota) -> None:
    services = world.application._app  # type: ignore[attr-defined]  # the frame keeps it to itself
    assert isinstance(services, Services)
    services.instance.quota = quota


def test_a_full_vault_refuses_new_records_and_keeps_the_others_usable(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        limit(world, Quota(rows=2))
        sam, eva = await world.sign_up("sam"), await world.sign_up("eva")
        for day in ("2026-11-01", "2026-11-02"):
            assert (await sam.call("PUT", f"/api/entries/{day}", {"title": "full"})).status_code == httpx.codes.CREATED
        refused = await sam.call("PUT", "/api/entries/2026-11-03", {"title": "more"})
        assert (refused.status_code, refused.json()["code"]) == (507, "quota")
        assert (await sam.call("GET", "/api/entries/2026-11-03")).status_code == httpx.codes.NOT_FOUND
        assert (await sam.call("PATCH", "/api/entries/2026-11-02", {"title": "changed"})).is_success
        assert (await eva.call("PUT", "/api/entries/2026-11-03", {"title": "hers"})).is_success
        assert (await sam.call("DELETE", "/api/entries/2026-11-02")).is_success
        assert (await sam.call("PUT", "/api/entries/2026-11-03", {"title": "more"})).is_success

    tell(story)


def test_size_counts_too_and_shrinking_is_always_allowed(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up("sam")
        assert (await sam.call("PUT", "/api/entries/2026-11-01", {"body": "x" * 30_000})).is_success
        limit(world, Quota(size_bytes=20_000))
        grown = await sam.call("PATCH", "/api/entries/2026-11-01", {"body": "x" * 60_000})
        assert grown.json()["code"] == "quota"
        assert (await sam.call("PATCH", "/api/entries/2026-11-01", {"body": "short"})).is_success
        assert (await sam.call("PUT", "/api/entries/2026-11-02", {"body": "fits now"})).is_success

    tell(story)
