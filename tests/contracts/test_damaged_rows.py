"""Somebody has the vault's database and writes into it: no row opens but in its own place, and none is overwritten for not opening.

Every damage is done to every collection on files. On servers it is done to some, so that each pair of engines sees all that its columns
let in: a text or a number where bytes belong stands in a file of SQLite only.
"""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import NamedTuple

import httpx
import pytest

from tests.contracts.desk import Desk, desk_of, exported, imported
from tests.contracts.rows import Row, made, replace, rows_of
from tests.contracts.samples import (
    CONTENT,
    DAILY,
    DAY,
    OTHER_DAY,
    RANGE,
    SAMPLES,
    SEVERAL,
    TODAY,
    VERBS,
    WHOLE,
    WRITABLE,
    Sample,
    archive_of,
    days_of,
    over,
)
from tests.support import Json, Person, Story, World
from timos.kernel.ids import text_of
from timos.lifecycle.formats.archive.reading import read_archive

pytestmark = [pytest.mark.every_engine, pytest.mark.slow]  # left out of `make check`: it must stay under 50 seconds

Tell = Callable[[Story], None]
over_all = over(SAMPLES)
over_content = over(CONTENT)
over_writable = over(WRITABLE)
over_several = over(SEVERAL)
over_days = over(DAILY)


LISTED = {"pillars", "morning_habits", "moods"}  # what reads show is a list of them: the others are still there
OF_DAYS = {"habit_days", "mood_logs", "pillar_scores"}  # what reads show is made of many of them: other days are still there


class Scene(NamedTuple):
    """Sam's record with what somebody could put in its place; `open` is the record while it was whole, where the API reads it."""

    desk: Desk
    ann: Desk
    row: Row
    other_day: Row
    other_table: Row
    theirs: Row
    open: Json

    @property
    def sam(self) -> Person:
        return self.desk.person

    @property
    def sealed(self) -> bytes:
        assert isinstance(self.row.sealed, bytes)
        return self.row.sealed


def flipped(sealed: bytes, at: int) -> bytes:
    return sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at:][1:]


DAMAGES: Mapping[str, Callable[[Scene], Row]] = {
    "cut by a byte": lambda scene: scene.row._replace(sealed=scene.sealed[:-1]),
    "cut to its header": lambda scene: scene.row._replace(sealed=scene.sealed[:61]),
    "cut to nothing": lambda scene: scene.row._replace(sealed=b""),
    "one byte longer": lambda scene: scene.row._replace(sealed=scene.sealed + b"\0"),
    "another format": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, 0)),
    "another key version": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, 4)),
    "another salt": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, 5)),
    "another commitment": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, 30)),
    "a bit of the text flipped": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, 70)),
    "a bit of the end flipped": lambda scene: scene.row._replace(sealed=flipped(scene.sealed, -1)),
    "the content of another day": lambda scene: scene.row._replace(sealed=scene.other_day.sealed),
    "the content of another table": lambda scene: scene.row._replace(sealed=scene.other_table.sealed),
    "the content of somebody else": lambda scene: scene.row._replace(sealed=scene.theirs.sealed),
    "a tag": lambda scene: scene.row._replace(tag=b"t" * 16),
    "its tag gone, or an empty one": lambda scene: scene.row._replace(tag=b"" if scene.row.tag is None else None),
    "a tag of text": lambda scene: scene.row._replace(tag="text"),
    "text": lambda scene: scene.row._replace(sealed="text"),
    "a number": lambda scene: scene.row._replace(sealed=5),
}


ONLY_IN_FILES = {"a tag of text", "text", "a number"}
EVERYWHERE = [name for name in DAMAGES if name not in ONLY_IN_FILES]


def damages_for(sample: Sample, *, has_files: bool) -> Iterable[str]:
    if has_files:
        return DAMAGES
    return EVERYWHERE[SAMPLES.index(sample) * 2 // len(SAMPLES) :: 2]  # each pair has one of the first half and one of the other


async def scene_in(world: World, sample: Sample) -> Scene:
    desk, ann = await desk_of(world, sample, "sam"), await desk_of(world, sample, "ann")
    neighbour = next(other for other in SAMPLES if other.table != sample.table)
    row = await made(world, sample.table, desk.make(sample.full))
    other_table = await made(world, neighbour.table, Desk(world, desk.person, neighbour).make(neighbour.full))
    other_day = other_table
    if sample.collection.key:
        other_day = await made(world, sample.table, desk.make(sample.full, OTHER_DAY))
    theirs = await made(world, sample.table, ann.make(sample.full))
    return Scene(desk, ann, row, other_day, other_table, theirs, await desk.read() if sample in WRITABLE else None)


def is_crypto(answer: httpx.Response) -> bool:
    told = answer.json()
    expected = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "crypto",
        "detail": "A stored record does not open. It was left as it is.",  # and no word why: that would be an oracle
        "request_id": told["request_id"],
    }
    return answer.status_code == 500 and told == expected


@over_all
def test_a_row_that_does_not_open_is_reported_and_never_overwritten(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        for name in damages_for(sample, has_files=world.has_files):
            row = DAMAGES[name](scene)
            replace(world, scene.row, row)
            rows = rows_of(world)
            await check_reading(scene, sample, name)
            await check_writing(scene, sample, name)
            assert rows_of(world) == rows, name
            replace(world, row, scene.row)
        if sample in WRITABLE:
            assert await scene.desk.read() == scene.open

    tell(story)


async def check_reading(scene: Scene, sample: Sample, name: str) -> None:
    sam = scene.sam
    for path in VERBS[sample.table].reads_of(sample):
        answer = await sam.call("GET", path)
        if sample.table in LISTED:
            check_rest(answer, sample, (name, path))
        elif sample.table in OF_DAYS:
            check_other_days(answer, [DAY], (name, path))
        else:
            assert is_crypto(answer), (name, path)
    await check_insights(sam, sample, name)
    assert await left_unsearched(sam) == int(sample in CONTENT), name
    if sample.table == "imports":
        listed = await sam.call("GET", "/api/imports")
        assert (len(listed.json()["items"]), listed.json()["unreadable"]) == (1, 1), name
    if sample in WRITABLE:
        assert is_crypto(await scene.desk.call("GET")), name
    if sample in WHOLE:
        whole = (await sam.call("GET", sample.path)).json()
        assert whole["unreadable"] == [called(sample, scene.row)], name
        ids = {item["id"] for item in whole["items"]}
        assert sample.id(OTHER_DAY) in ids, name
        assert sample.id() not in ids, name
    if sample in DAILY:
        await check_days(sam, sample, name)


async def left_unsearched(sam: Person) -> int:
    return int((await sam.call("POST", "/api/search", {"query": "another*"})).json()["unreadable"])


def called(sample: Sample, row: Row) -> str:
    """What a list calls a row that does not open; the days of a week can be reckoned, an id cannot."""
    return f"unreadable-{text_of(row.id)}" if sample.collection.has_ids and isinstance(row.id, bytes) else "unknown"


def check_rest(answer: httpx.Response, sample: Sample, told: object) -> None:
    """What does not open is left out of a list."""
    assert answer.status_code == httpx.codes.OK, told
    assert sample.id() not in {one["id"] for one in answer.json()["pillars" if sample.table == "pillars" else "habits"]}, told
    assert answer.json()["unreadable"] == 1, told


def check_other_days(answer: httpx.Response, lost: list[str], told: object) -> None:
    """The days that do not open are named, or on one day the part that does not; neither is shown as if it were empty without a word."""
    assert answer.status_code == httpx.codes.OK, told
    shown = answer.json()
    if "unreadable_parts" in shown:
        assert len(shown["unreadable_parts"]) == int(shown["day"] in lost), told
    else:
        assert shown["unreadable_days"] == lost, told


async def check_insights(sam: Person, sample: Sample, name: str) -> None:
    """What does not open is left out and counted."""
    shown = await sam.call("GET", f"/api/insights{RANGE}")
    is_left_out = sample.collection.has_days or sample.table in {"morning_habits", "moods"}
    assert (shown.status_code, shown.json()["unreadable"]) == (200, int(is_left_out)), name


async def check_days(sam: Person, sample: Sample, name: str) -> None:
    path = sample.path
    for asked in (f"?from={DAY}&to={DAY}", RANGE):
        page = await sam.call("GET", path + asked)
        assert (page.status_code, page.json()["unreadable"]) == (200, [sample.id()]), name
        assert [item["id"] for item in page.json()["items"] if item["id"].startswith(DAY)] == [], name
    whole = (await sam.call("GET", path)).json()
    assert whole["unreadable"] == ["unknown"], name
    assert [item["id"] for item in whole["items"]][-1] == sample.id(OTHER_DAY), name
    if sample.kind:
        of_day = (await sam.call("GET", f"{path}/{DAY}")).json()
        assert (of_day["items"], of_day["unreadable"]) == ([], [sample.id()]), name


async def check_writing(scene: Scene, sample: Sample, name: str) -> None:
    for method, path, body in VERBS[sample.table].writes_of(sample) if sample.table != "imports" else ():
        assert is_crypto(await scene.sam.call(method, path, body)), (name, method, path)
    if sample in WRITABLE:
        for method, body in (("PUT", sample.other), ("PATCH", sample.other)):
            assert is_crypto(await scene.desk.call(method, body, headers={"if-match": "*"})), (name, method)
    if sample in CONTENT:
        await check_import(scene.sam, archive_of([(sample, DAY, sample.other)]), name)


async def check_import(sam: Person, raw: bytes, name: str, asked: str = "") -> None:
    check_report(await imported(sam, raw, asked), name)


def check_report(report: Json, name: str) -> None:
    assert (report["new"], report["same"], report["conflict"], report["refused"]) == (0, 0, 0, 1), (name, report)
    assert report["problems"][0]["reason"] == "A stored record does not open. It was left as it is."


@over_writable
def test_no_way_of_writing_overwrites_a_row_that_does_not_open(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        sam, row = scene.sam, DAMAGES["cut by a byte"](scene)
        replace(world, scene.row, row)
        rows = rows_of(world)
        for headers in ({}, {"if-match": scene.open["etag"]}, {"if-match": '"stale"'}):
            for method, body in (("PUT", sample.other), ("PUT", sample.full), ("PATCH", sample.other), ("PATCH", {})):
                assert is_crypto(await scene.desk.call(method, body, headers=headers)), (method, headers)
            if headers:  # whether it is the one that is meant, nobody can tell
                assert is_crypto(await scene.desk.call("DELETE", headers=headers)), headers
        await check_import(sam, archive_of([(sample, DAY, sample.full)]), "the same content")
        await check_import(sam, archive_of([(sample, DAY, sample.full)]), "dry run", "&dry_run=true")
        if sample.table == "daily_entries":
            line = b'{"date":"%b","text":"imported"}\n' % DAY.encode()
            answer = await sam.call("POST", "/api/imports", content=line, headers={"content-type": "application/x-ndjson"})
            check_report(answer.json()["report"], "jsonl")
        assert rows_of(world) == rows

    tell(story)


@over_writable
@pytest.mark.parametrize("headers", [{}, {"if-match": "*"}], ids=["any", "star"])
def test_what_does_not_open_is_ones_own_to_delete(tell: Tell, sample: Sample, headers: dict[str, str]) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        whole = rows_of(world)
        replace(world, scene.row, DAMAGES["the content of somebody else"](scene))
        assert (await scene.desk.call("DELETE", headers=headers)).status_code == 204
        assert rows_of(world) == whole - {scene.row}
        assert (await scene.desk.call("GET")).status_code == 404
        if not sample.collection.has_ids:  # ids are ours to give
            assert (await scene.desk.call("PUT", sample.other)).status_code == 201

    tell(story)


@over(sample for sample in WHOLE if sample.collection.has_ids)
def test_what_lost_its_id_can_be_deleted_by_what_the_list_calls_it(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        replace(world, scene.row, scene.row._replace(sealed=b"damaged"))
        [name] = (await scene.sam.call("GET", sample.path)).json()["unreadable"]
        rest = rows_of(world) - {scene.row._replace(sealed=b"damaged")}
        assert (await scene.ann.person.call("DELETE", f"{sample.path}/{name}")).status_code == 404
        for method, body in (("GET", None), ("PUT", sample.other), ("PATCH", sample.other)):
            assert (await scene.sam.call(method, f"{sample.path}/{name}", body)).status_code == 404
        assert (await scene.sam.call("DELETE", f"{sample.path}/{name}")).status_code == 204
        assert rows_of(world) == rest
        assert (await scene.sam.call("GET", sample.path)).json()["unreadable"] == []
        assert (await scene.sam.call("DELETE", f"{sample.path}/{name}")).status_code == 404

    tell(story)


def test_today_and_streaks_go_on_with_the_pillars_and_habits_that_open(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        ids = {}
        for table, path in (("pillars", "/api/pillars"), ("morning_habits", "/api/habits")):
            row = await made(world, table, sam.call("POST", path, {"name": "damaged"}))
            replace(world, row, row._replace(sealed=b"damaged"))
            ids[table] = (await sam.call("POST", path, {"name": "whole"})).json()["id"]
        today = (await sam.call("GET", TODAY)).json()
        assert [pillar["id"] for pillar in today["pillars"]] == [ids["pillars"]]
        assert [habit["id"] for habit in today["habits"]] == [ids["morning_habits"]]
        assert today["unreadable"] == 2
        for path in ("/api/habits/today", "/api/habits/streaks"):
            shown = (await sam.call("GET", path)).json()
            assert ([habit["id"] for habit in shown["habits"]], shown["unreadable"]) == ([ids["morning_habits"]], 1), path

    tell(story)


def test_an_import_is_undone_beside_notes_of_others_that_do_not_open(tell: Tell) -> None:
    daily = next(sample for sample in CONTENT if sample.table == "daily_entries")

    async def story(world: World) -> None:
        sam = await world.sign_up()
        batches = [await imported(sam, archive_of([(daily, day, daily.full)])) for day in (DAY, OTHER_DAY)]
        notes = rows_of(world, "imports")
        row = min(notes, key=lambda note: note.id)  # type: ignore[arg-type, return-value]  # bytes
        replace(world, row, row._replace(sealed=b"damaged"))
        ends = [(await sam.call("DELETE", f"/api/imports/{batch['batch']}")).json() for batch in batches]
        assert sorted((end["removed"], end["unreadable"]) for end in ends) == [
            (0, 1),
            (1, 0),
        ]  # of the damaged one nobody knows what it made
        assert (rows_of(world, "imports"), len(rows_of(world, "daily_entries"))) == (set(), 1)
        again = await sam.call("DELETE", f"/api/imports/{batches[0]['batch']}")
        assert again.status_code == 404

    tell(story)


@over_content
def test_an_import_takes_what_it_can_beside_a_row_that_does_not_open(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        row = await made(world, sample.table, desk.make(sample.full))
        replace(world, row, row._replace(sealed=b"damaged"))
        records = [(one, day, one.other) for one in CONTENT for day in days_of(one)]
        report = await imported(desk.person, archive_of(records))
        assert (report["new"], report["refused"]) == (len(records) - 1, 1), report
        assert row._replace(sealed=b"damaged") in rows_of(world)

    tell(story)


@over_content
def test_an_export_gives_all_the_rest_and_says_that_something_is_missing(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        whole = {(one.collection, one.key) for one in read_archive(await exported(scene.sam))}
        replace(world, scene.row, DAMAGES["a bit of the text flipped"](scene))
        rows = rows_of(world)
        archive = await exported(scene.sam)
        assert {(one.collection, one.key) for one in read_archive(archive)} == whole - {(sample.table, sample.id())}
        assert (sample.table, sample.id()) in whole
        assert zipfile.ZipFile(BytesIO(archive)).read("UNREADABLE.txt").startswith(b"1 records did not open")
        assert rows_of(world) == rows

    tell(story)


@over_all
def test_a_row_moved_to_somebody_else_is_nobodys_record(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        moved = scene.theirs._replace(vault_id=scene.row.vault_id)
        replace(world, scene.theirs, moved)
        assert await left_unsearched(scene.sam) == int(sample in CONTENT)
        if sample in WRITABLE:
            assert (await scene.ann.call("GET")).status_code == 404
            assert await scene.desk.read() == scene.open
        if sample in DAILY + WHOLE:
            assert (await scene.sam.call("GET", sample.path)).json()["unreadable"] == [called(sample, moved)]
        if sample in DAILY:
            assert (await scene.sam.call("GET", f"{sample.path}{RANGE}")).json()["unreadable"] == []
        await scene.ann.make(sample.other)
        assert moved in rows_of(world)

    tell(story)


@over_several
def test_two_records_that_changed_places_open_neither(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        scene = await scene_in(world, sample)
        one, two = scene.row._replace(id=scene.other_day.id), scene.other_day._replace(id=scene.row.id)
        replace(world, scene.row, one)  # removes the other
        replace(world, two, two)
        assert {one, two} <= rows_of(world)
        assert await left_unsearched(scene.sam) == (2 if sample in CONTENT else 0)
        for path in VERBS[sample.table].reads_of(sample) if sample.table not in LISTED else ():
            answer = await scene.sam.call("GET", path)
            if sample.table in OF_DAYS:
                check_other_days(answer, [DAY, OTHER_DAY] if RANGE in path else [DAY], path)
            else:
                assert is_crypto(answer), path
        for day in (DAY, OTHER_DAY) if sample in WRITABLE else ():
            assert is_crypto(await scene.desk.call("GET", day=day))
        if sample in DAILY:
            page = (await scene.sam.call("GET", f"{sample.path}{RANGE}")).json()
            assert (page["items"], page["unreadable"]) == ([], [sample.id(DAY), sample.id(OTHER_DAY)])

    tell(story)


@over_writable
def test_an_older_content_of_the_same_row_is_the_one_thing_that_opens(tell: Tell, sample: Sample) -> None:
    """What no seal of a single row can tell; stated here so that nobody believes otherwise."""

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        old = await made(world, sample.table, desk.make(sample.full))
        assert (await desk.call("PUT", sample.other, headers={"if-match": "*"})).status_code == 200
        (new,) = rows_of(world, sample.table)
        replace(world, new, old)
        assert (await desk.read())["document"] == {**sample.full, **sample.named()}

    tell(story)


@over_days
def test_rows_that_do_not_open_hide_no_others_from_a_list(tell: Tell, sample: Sample) -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 9)]

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        for number, day in enumerate(days):
            row = await made(world, sample.table, desk.make(sample.full, day))
            if number in {0, 1, 2, 5, 7}:
                replace(world, row, row._replace(sealed="text" if number % 2 and world.has_files else b"damaged"))
        for limit in (1, 2, 3, 8):
            readable, unreadable, cursor = [], [], ""
            for _ in days:
                asked = f"{sample.path}?from={days[0]}&to={days[-1]}&limit={limit}{cursor}"
                page = (await desk.person.call("GET", asked)).json()
                readable += [item["id"] for item in page["items"]]
                unreadable += page["unreadable"]
                if page["next"] is None:
                    break
                cursor = f"&cursor={page['next']}"
            assert readable == [sample.id(days[number]) for number in (3, 4, 6)], limit
            assert unreadable == [sample.id(days[number]) for number in (0, 1, 2, 5, 7)], limit

    tell(story)
