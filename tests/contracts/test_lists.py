"""Lists of every collection with days: a page at a time, in the order of days, each record once."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.contracts.desk import desk_of, imported
from tests.contracts.samples import DAILY, Sample, archive_of, over
from tests.support import Json, Person, Story, World

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
over_days = over(DAILY)

FIRST, LAST = date(2025, 6, 1), date(2026, 11, 20)
DAYS = [FIRST + timedelta(days=number) for number in range(0, (LAST - FIRST).days + 1, 4)]  # 135, over more than 400 days
LONG = f"?from={FIRST}&to={LAST}"
SHORT = f"?from=2025-11-01&to={LAST}"


async def filled(world: World, sample: Sample) -> Person:
    """Somebody with a record on each of the days, and somebody else with records on the same."""
    people = [await world.sign_up("sam"), await world.sign_up("ann")]
    raw = archive_of((sample, day.isoformat(), sample.other) for day in DAYS)
    for person in people:
        assert (await imported(person, raw))["new"] == len(DAYS)
    return people[0]


async def walked(person: Person, path: str) -> tuple[list[Json], list[int]]:
    """All items, and the sizes of the pages that they came on."""
    items: list[Json] = []
    sizes: list[int] = []
    cursor = ""
    for _ in range(2 * len(DAYS)):
        answer = await person.call("GET", path + cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["unreadable"] == []
        items += page["items"]
        sizes.append(len(page["items"]))
        if page["next"] is None:
            return items, sizes
        assert re.fullmatch(r"[A-Za-z0-9_-]+", page["next"])
        cursor = f"{'&' if '?' in path else '?'}cursor={page['next']}"
    raise AssertionError("the pages do not end")


@over_days
def test_pages_give_every_record_once_in_the_order_of_days(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await filled(world, sample)
        whole = [sample.id(day.isoformat()) for day in DAYS]
        recent = [sample.id(day.isoformat()) for day in DAYS if day >= date(2025, 11, 1)]
        assert len(whole) > 100 > len(recent) > 37
        items: list[Json] = []
        for asked, ids, size in (("", whole, 100), (LONG, whole, 100), (LONG, whole, 37), (SHORT, recent, 100), (SHORT, recent, 37)):
            path = f"{sample.path}{asked}"
            items, sizes = await walked(sam, path if size == 100 else f"{path}&limit={size}")
            assert [item["id"] for item in items] == ids, (asked, size)
            assert sizes == [size] * (len(ids) // size) + [len(ids) % size], (asked, size)
        for item in (items[0], items[-1]):
            assert item == (await sam.call("GET", f"{sample.path}/{item['id']}")).json()

    tell(story)


@over_days
def test_a_page_that_is_just_full_is_the_last(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = (await desk_of(world, sample)).person
        for day in ("2026-11-01", "2026-11-02", "2026-11-04"):
            await sam.call("PUT", sample.address(day), sample.full)
        for asked in ("?from=2026-11-01&to=2026-11-04&limit=3", "?limit=3"):
            page = (await sam.call("GET", sample.path + asked)).json()
            assert (len(page["items"]), page["next"]) == (3, None)

    tell(story)


@over_days
def test_days_of_a_range_are_inclusive(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = (await desk_of(world, sample)).person
        days = ["2024-02-28", "2024-02-29", "2024-03-01"]
        for day in days:
            await sam.call("PUT", sample.address(day), sample.full)

        async def listed(asked: str) -> list[str]:
            return [item["document"]["day"] for item in (await sam.call("GET", sample.path + asked)).json()["items"]]

        assert await listed("?from=2024-02-29&to=2024-02-29") == days[1:2]
        assert await listed("?from=2024-02-28&to=2024-03-01") == days
        assert await listed("?to=2024-02-29") == days[:2]
        assert await listed("?from=2024-02-29") == days[1:]
        assert await listed("?from=1000-01-01&to=2026-11-24") == days
        assert await listed("?from=2023-01-01&to=2023-12-31") == []

    tell(story)


@over_days
def test_a_list_that_is_asked_for_wrongly_says_where(tell: Tell, sample: Sample) -> None:
    other = next(one for one in DAILY if one.collection.key != sample.collection.key)

    async def story(world: World) -> None:
        sam = (await desk_of(world, sample)).person
        for one in (sample, other):
            for day in ("2026-11-01", "2026-11-02"):
                assert (await sam.call("PUT", one.address(day), one.full)).status_code == 201
        foreign = (await sam.call("GET", f"{other.path}?limit=1")).json()["next"]
        assert foreign
        wrong = {
            "limit": ["limit=0", "limit=101", "limit=-1", "limit=ten", "limit=", "limit=1.5", "limit=99999999999999999999"],
            "from": ["from=2026-02-30", "from=yesterday", "from=0999-12-31", "from=2026-11-21&to=2026-11-20", "from="],
            "to": ["to=2026-02-30", "to=10000-01-01", "to=2026-W47-5", "to=", "to=null"],
            "cursor": [
                "cursor=x",
                "cursor=",
                f"cursor={foreign}",
                "cursor=WyIyMDI2Il0",
                "cursor=W10",
                "cursor=bnVsbA",
                "cursor=" + "A" * 5000,
            ],
            "query": ["day=2026-11-20", "limit=1&limit=1", "from=%ff"],
        }
        for path, asked in ((path, asked) for path, many in wrong.items() for asked in many):
            answer = await sam.call("GET", f"{sample.path}?{asked}")
            assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "invalid", path), asked

    tell(story)


@over_days
def test_a_cursor_is_a_place_and_no_key(tell: Tell, sample: Sample) -> None:
    """Somebody else's cursor opens nothing of theirs; and what was deleted meanwhile does not stop the walk."""

    async def story(world: World) -> None:
        sam, ann = (await desk_of(world, sample)).person, await world.sign_up("ann")
        for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
            await sam.call("PUT", sample.address(day), sample.full)
        for asked in ("?from=2026-11-01&to=2026-11-24&limit=1", "?limit=1"):
            cursor = (await sam.call("GET", sample.path + asked)).json()["next"]
            assert (await ann.call("GET", f"{sample.path}{asked}&cursor={cursor}")).json()["items"] == []
        cursor = (await sam.call("GET", f"{sample.path}?limit=1")).json()["next"]
        await sam.call("DELETE", sample.address("2026-11-01"))
        for asked in ("?from=2026-11-01&to=2026-11-24", "?limit=100"):
            items = (await sam.call("GET", f"{sample.path}{asked}&cursor={cursor}")).json()["items"]
            assert [item["document"]["day"] for item in items] == ["2026-11-02", "2026-11-03"]

    tell(story)


def test_both_kinds_of_a_day_are_listed_together(tell: Tell) -> None:
    kinds = [sample for sample in DAILY if sample.kind]

    async def story(world: World) -> None:
        sam = await world.sign_up()
        for sample in kinds:
            await sam.call("PUT", sample.address(), sample.full)
        for path in ("/api/feels/2026-11-20", "/api/feels?from=2026-11-20&to=2026-11-20", "/api/feels"):
            page = (await sam.call("GET", path)).json()
            assert [item["id"] for item in page["items"]] == sorted(sample.id() for sample in kinds)
            assert (page["unreadable"], page["next"]) == ([], None)
        assert (await sam.call("GET", "/api/feels/2026-11-21")).json() == {"items": [], "unreadable": [], "next": None}
        items, sizes = await walked(sam, "/api/feels?from=2026-11-01&to=2026-11-22&limit=1")
        assert ([item["id"] for item in items], sizes) == (["2026-11-20/evening", "2026-11-20/morning"], [1, 1])

    tell(story)
