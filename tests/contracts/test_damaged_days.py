"""What a day holds of ticks, moods and scores: when it does not open, its owner still sees all other days, and can let go of it."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.contracts.desk import desk_of
from tests.contracts.rows import made, replace, rows_of
from tests.contracts.samples import DAY, OTHER_DAY, RANGE, SAMPLES, TODAY, VERBS, Sample
from tests.contracts.test_damaged_rows import is_crypto
from tests.support import Json, Person, Story, World

pytestmark = pytest.mark.slow  # left out of `make check`: it must stay under 50 seconds

Tell = Callable[[Story], None]
ADDRESSES = {"habit_days": "/api/habits/days", "mood_logs": "/api/moods/log", "pillar_scores": "/api/pillars/scores"}
over_days = pytest.mark.parametrize("sample", [one for one in SAMPLES if one.table in ADDRESSES], ids=lambda sample: sample.name)


def test_each_collection_of_days_that_only_verbs_reach_has_an_address_to_delete_at() -> None:
    assert {one.table for one in SAMPLES if one.collection.path is None and one.collection.has_days} == ADDRESSES.keys()


@over_days
def test_a_day_that_does_not_open_is_its_owners_to_delete(tell: Tell, sample: Sample) -> None:
    address = f"{ADDRESSES[sample.table]}/{DAY}"

    async def story(world: World) -> None:
        desk, ann = await desk_of(world, sample, "sam"), await world.sign_up("ann")
        row = await made(world, sample.table, desk.make(sample.full))
        await desk.make(sample.full, OTHER_DAY)
        whole = rows_of(world)
        replace(world, row, row._replace(sealed=b"damaged"))
        assert is_crypto(await desk.person.call("DELETE", address, headers={"if-match": '"any"'}))  # which it is, nobody can tell
        assert (await ann.call("DELETE", address)).status_code == 404
        assert row._replace(sealed=b"damaged") in rows_of(world)
        assert (await desk.person.call("DELETE", address)).status_code == 204
        assert rows_of(world) == whole - {row}
        assert (await desk.person.call("DELETE", address)).status_code == 404
        assert (await desk.person.call("GET", TODAY)).json()["unreadable_parts"] == []
        method, path, body = VERBS[sample.table].writes_of(sample)[0]
        assert (await desk.person.call(method, path, body)).is_success

    tell(story)


@over_days
def test_a_day_that_opens_can_be_deleted_as_it_was_last_seen(tell: Tell, sample: Sample) -> None:
    address = f"{ADDRESSES[sample.table]}/{DAY}"

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.full)
        assert (await desk.person.call("DELETE", address, headers={"if-match": '"stale"'})).status_code == 412
        part = {"habit_days": "habits", "mood_logs": "moods", "pillar_scores": "scores"}[sample.table]
        seen = (await desk.person.call("GET", TODAY)).json()[part]
        condition = {} if part == "habits" else {"if-match": seen["etag"]}
        assert (await desk.person.call("DELETE", address, headers=condition)).status_code == 204
        assert not rows_of(world, sample.table)

    tell(story)


async def habit_of(sam: Person) -> Json:
    [one] = (await sam.call("GET", "/api/habits/streaks")).json()["habits"]
    return one


def test_a_day_that_does_not_open_breaks_no_streak(tell: Tell) -> None:
    days = [(date(2026, 11, 22) - timedelta(days=back)).isoformat() for back in range(12)]

    async def story(world: World) -> None:
        sam = await world.sign_up()
        path = f"/api/habits/{(await sam.call('POST', '/api/habits', {'name': 'Run'})).json()['id']}/days"
        rows = [await made(world, "habit_days", sam.call("PUT", f"{path}/{day}", {"value": 1, "at": f"{day}T12:00:00Z"})) for day in days]
        whole = await habit_of(sam)
        assert (whole["current"], whole["best"]) == (12, 12)
        for row in rows[3:8]:  # more than grace would bear
            replace(world, row, row._replace(sealed=b"damaged"))
        shown = (await sam.call("GET", "/api/habits/streaks")).json()
        assert shown["unreadable_days"] == sorted(days[3:8])
        assert shown["habits"] == [{**whole, "current": 7, "best": 7, "done": 7, "due": 7}]
        for day in days[3:8]:
            assert (await sam.call("DELETE", f"/api/habits/days/{day}")).status_code == 204
        assert (await habit_of(sam))["current"] == 3

    tell(story)


def test_other_days_are_still_told(tell: Tell) -> None:
    async def story(world: World) -> None:
        for sample in (one for one in SAMPLES if one.table in ADDRESSES):
            desk = await desk_of(world, sample, sample.table)
            row = await made(world, sample.table, desk.make(sample.full))
            await desk.make(sample.other, OTHER_DAY)
            replace(world, row, row._replace(sealed=b"damaged"))
            path = {"habit_days": "/api/habits/history", "mood_logs": "/api/moods/log", "pillar_scores": "/api/pillars/scores"}[
                sample.table
            ]
            shown = (await desk.person.call("GET", path + RANGE)).json()
            there = shown["days"] if "days" in shown else {one["day"] for one in shown["items"]}
            assert (set(there), shown["unreadable_days"]) == ({OTHER_DAY}, [DAY]), sample.table

    tell(story)


def test_a_week_is_not_closed_over_scores_that_do_not_open(tell: Tell) -> None:
    scores = next(one for one in SAMPLES if one.table == "pillar_scores")

    async def story(world: World) -> None:
        desk = await desk_of(world, scores)
        sam = desk.person
        row = await made(world, "pillar_scores", desk.make(scores.full))
        await desk.make(scores.full, "2026-11-19")
        assert (await sam.call("PUT", "/api/weekly/2026-W47", {"reflection": "Good."})).status_code == 201
        replace(world, row, row._replace(sealed=b"damaged"))
        week = (await sam.call("GET", f"/api/weekly/current?day={DAY}")).json()
        assert (week["scores"]["health"]["days"], week["unreadable_days"]) == (1, [DAY])
        before = rows_of(world)
        assert is_crypto(await sam.call("POST", "/api/weekly/2026-W47/complete"))
        assert rows_of(world) == before
        assert (await sam.call("DELETE", f"/api/pillars/scores/{DAY}")).status_code == 204
        assert (await sam.call("POST", "/api/weekly/2026-W47/complete")).json()["document"]["pillar_scores"]["health"]["days"] == 1

    tell(story)
