"""Records with an id of ours and a name of the user's: made once by key and by name, listed whole, and not too many."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests.contracts.desk import Desk, desk_of, imported, vault_of
from tests.contracts.rows import rows_of
from tests.contracts.samples import DAY, GIVEN, NAMED, OTHER_DAY, WHOLE, WRITABLE, Sample, archive_of, over
from tests.support import Person, Story, World

pytestmark = pytest.mark.every_engine

Tell = Callable[[Story], None]
over_given = over(GIVEN)
over_whole = over(WHOLE)

KEY = {"idempotency-key": "tab-1"}
SAME = ["Élan vital", "ÉLAN VITAL", " e\u0301lan  vital\u00a0", "Ｅ\u0301lan vital"]  # to whoever reads them
OTHERS = ["Elan vital", "Élanvital", "Élan vital!", "Élan vitál"]


async def create(person: Person, sample: Sample, name: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return await person.call("POST", sample.path, {**sample.other, "name": name}, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_these_are_the_collections_with_names() -> None:
    assert NAMED == GIVEN != ()


# ── by key ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@over_given
def test_the_same_key_makes_it_once(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        path = sample.path
        answers = await asyncio.gather(*(desk.person.call("POST", path, sample.full, headers=KEY) for _ in range(3)))
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.content for answer in answers}) == 1
        assert len(rows_of(world, sample.table)) == 1
        other = await desk.person.call("POST", path, sample.other, headers=KEY)
        assert told(other) == (409, "conflict")
        ann = await world.sign_up("ann")
        hers = await create(ann, sample, "Mine", KEY)
        assert hers.status_code == 201
        assert hers.json()["id"] != answers[0].json()["id"]  # the key is no address that others could guess

    tell(story)


# ── by name ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@over_given
def test_no_two_have_a_name_that_reads_the_same(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        sam, ann = desk.person, await world.sign_up("ann")
        first, *again = [await create(sam, sample, name) for name in SAME]
        assert first.status_code == 201
        assert [told(answer) for answer in again] == [(409, "conflict")] * 3
        made = [await create(sam, sample, name) for name in OTHERS]
        assert [answer.status_code for answer in made] == [201] * 4
        address = sample.address_of((made[0].json()["id"],))
        rows = rows_of(world)
        for method in ("PUT", "PATCH"):
            for headers in ({"if-match": made[0].json()["etag"]}, {"if-match": "*"}):
                renamed = await sam.call(method, address, {**sample.other, "name": SAME[1]}, headers=headers)
                assert told(renamed) == (409, "conflict"), method
        assert rows_of(world) == rows
        mine = await sam.call("PATCH", sample.address_of((first.json()["id"],)), {"name": SAME[1]})
        assert (mine.status_code, mine.json()["document"]["name"]) == (200, SAME[1])
        assert (await create(ann, sample, SAME[0])).status_code == 201

    tell(story)


@over_given
def test_of_two_who_take_a_name_at_once_one_is_told(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        answers = await asyncio.gather(*(create(desk.person, sample, name) for name in SAME[:2]))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert len(rows_of(world, sample.table)) == 1

    tell(story)


@over_given
def test_a_name_is_held_by_what_is_archived_and_free_after_what_is_deleted_or_renamed(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        one, two = [(await create(desk.person, sample, name)).json()["id"] for name in ("One", "Two")]
        assert (await desk.person.call("POST", f"{sample.path}/{one}/archive")).status_code == 200
        assert told(await create(desk.person, sample, "one")) == (409, "conflict")
        assert (await desk.person.call("DELETE", sample.address_of((one,)))).status_code == 204
        assert (await desk.person.call("PATCH", sample.address_of((two,)), {"name": "Three"})).status_code == 200
        assert [(await create(desk.person, sample, name)).status_code for name in ("one", "two", "three")] == [201, 201, 409]

    tell(story)


def test_a_name_is_its_own_in_every_collection_and_shows_in_no_table(tell: Tell) -> None:
    async def story(world: World) -> None:
        for person in (await world.sign_up("ann"), await world.sign_up("sam")):
            for sample in GIVEN:
                assert (await create(person, sample, "Health")).status_code == 201
        tags = [row.tag for row in rows_of(world)]
        assert len(set(tags)) == 2 * len(GIVEN)
        assert all(isinstance(tag, bytes) and len(tag) == 16 for tag in tags)

    tell(story)


@over_given
def test_an_import_does_not_take_a_name_that_is_there(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make({**sample.other, "name": sample.body(sample.full, OTHER_DAY)["name"].upper()})
        rows = rows_of(world)
        for asked in ("&dry_run=true", ""):
            report = await imported(desk.person, archive_of([(sample, OTHER_DAY, sample.full)]), asked)
            assert (report["new"], report["refused"]) == (0, 1), asked
            assert report["problems"][0]["reason"] == "Another one has this name already."
        assert rows_of(world) == rows

    tell(story)


@over_given
def test_of_two_with_one_name_an_import_takes_the_first_and_a_dry_run_says_so(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        same = {**sample.full, "name": sample.body(sample.full, OTHER_DAY)["name"].upper()}
        archive = archive_of([(sample, DAY, same), (sample, OTHER_DAY, sample.full)])
        for asked in ("&dry_run=true", ""):
            report = await imported(sam, archive, asked)
            assert (report["new"], report["refused"]) == (1, 1), asked
            assert report["problems"][0]["reason"] == "Another one has this name already."
        assert len(rows_of(world, sample.table)) == 1

    tell(story)


# ── how many, and in which order ─────────────────────────────────────────────────────────────────────────────────────


@over_given
def test_a_vault_has_so_many_and_no_more(tell: Tell, sample: Sample) -> None:
    most = sample.collection.most
    assert most

    async def story(world: World) -> None:
        sam = await world.sign_up()
        records = [(sample, f"day-{number}", sample.full) for number in range(1, most + 2)]
        dry = await imported(sam, archive_of(records), "&dry_run=true")
        assert (dry["new"], dry["refused"]) == (most, 1)
        report = await imported(sam, archive_of(records[:-2]))
        assert report["new"] == most - 1
        answers = await asyncio.gather(*(create(sam, sample, f"at once {number}") for number in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        for asked in ("&dry_run=true", ""):
            report = await imported(sam, archive_of(records), asked)
            assert (report["same"], report["new"], report["refused"]) == (most - 1, 0, 2), asked
            assert report["problems"][0]["reason"] == f"There are {most} already, archived ones included: as many as one vault may have."
        assert len(rows_of(world, sample.table)) == most

    tell(story)


@over_given
def test_the_last_one_can_be_asked_for_again(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        room = (sample.collection.most or 0) - len(rows_of(world, sample.table))
        await imported(desk.person, archive_of((sample, f"day-{number}", sample.full) for number in range(1, room)))
        first, again = [await create(desk.person, sample, "the last", KEY) for _ in range(2)]
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)

    tell(story)


@over_whole
def test_a_list_gives_every_record_once_and_nobody_elses(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk, other = await desk_of(world, sample, "sam"), await desk_of(world, sample, "ann")
        days = ["2026-11-02", "2026-10-12", DAY, "2026-10-26"]
        for day in days:
            await desk.make(sample.full, day)
            await other.make(sample.other, day)
        page = (await desk.person.call("GET", sample.path)).json()
        assert (page["unreadable"], page["next"]) == ([], None)
        items = {item["id"]: item for item in page["items"]}
        assert len(items) == len(page["items"])
        assert [items[sample.id(day)] for day in days] == [await desk.read(day) for day in days]
        assert len(items) == len(rows_of(world, sample.table)) // 2
        keys = [(item["document"].get("position", 0), item["document"].get("name", "").casefold(), item["id"]) for item in page["items"]]
        assert keys == sorted(keys)

    tell(story)


def test_no_other_collection_is_bounded() -> None:
    assert [sample.collection.most for sample in WRITABLE if sample not in GIVEN] == [None] * (len(WRITABLE) - len(GIVEN))


def test_a_desk_is_as_a_request_sees_it(tell: Tell) -> None:
    """What these tests put there below the API is what the API reads."""

    async def story(world: World) -> None:
        desk = Desk(world, await world.sign_up(), GIVEN[0])
        made = await desk.make(desk.sample.full)
        stored = await (await vault_of(world, desk.person)).get(desk.sample.collection, desk.sample.key())
        assert stored is not None
        assert stored.etag == made["etag"]

    tell(story)
