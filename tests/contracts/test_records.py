"""What every collection keeps, whatever it is: the tests run over the registry, not over a list of their own.

A rule runs for every collection on files, and for every second on one pair of engines with servers in turn (`dealt`, tests/databases.py);
one rule runs for every collection on every pair.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import httpx
import msgspec
import pytest

from tests.contracts.desk import Desk, desk_of, vault_of
from tests.contracts.rows import gates_of, made, rows_of
from tests.contracts.samples import ADDRESSED, DAILY, DAY, OTHER_DAY, SAMPLES, VERBS, WRITABLE, Sample, over
from tests.support import Json, Person, Story, World
from timos.vault.collections import COLLECTIONS
from timos.vault.tables import TABLES

pytestmark = [pytest.mark.every_engine, pytest.mark.slow]  # left out of `make check`: it must stay under 50 seconds

Tell = Callable[[Story], None]
over_all = over(SAMPLES)
over_writable = over(WRITABLE)
over_addressed = over(ADDRESSED)
over_days = over(DAILY)


def body_of(answer: httpx.Response) -> bytes:
    """All of it but the request id, which is another each time."""
    return answer.content.replace(answer.headers["x-request-id"].encode(), b"")


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = answer.json()
    return answer.status_code, told["code"], told.get("path")


def structs_in(value: object) -> Iterator[msgspec.Struct]:
    if isinstance(value, msgspec.Struct):
        yield value
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from structs_in(one)


@over_all
def test_the_sample_sets_every_field(sample: Sample) -> None:
    document = sample.document(sample.full)
    assert {*sample.full, *sample.collection.key} >= {field.encode_name for field in msgspec.structs.fields(document)}
    for struct in structs_in(document):
        for field in msgspec.structs.fields(struct):
            default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            assert field.required or getattr(struct, field.name) != default, (type(struct).__name__, field.name)


def test_every_collection_has_verbs_or_an_address() -> None:
    assert {sample.table for sample in SAMPLES} == VERBS.keys() == TABLES.keys()
    for collection in COLLECTIONS:
        assert collection.path is not None or VERBS[collection.name].writes, collection.name


# ── reading and writing ──────────────────────────────────────────────────────────────────────────────────────────────


@over_writable
def test_what_was_written_is_read_back(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        assert (await desk.call("GET")).status_code == 404
        written = await desk.create(sample.full)
        assert written.status_code == 201, written.text
        given = {"id": written.json()["id"]} if sample.collection.has_ids else sample.named()
        assert written.json()["id"] == given.get("id", sample.id())
        assert written.json()["document"] == {**sample.full, **given}
        read = await desk.person.call("GET", sample.address_of((given["id"],)) if "id" in given else sample.address())
        assert read.status_code == 200
        assert read.json() == written.json()
        assert read.headers["etag"] == written.headers["etag"] == written.json()["etag"]
        assert read.json()["created_at"] == read.json()["updated_at"] == "2026-11-22T12:00:00Z"

    tell(story)


@over_writable
def test_a_document_may_name_the_address_that_it_stands_at(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        read = await desk.make(sample.full)
        again = await desk.call("PUT", read["document"])
        assert (again.status_code, again.json()) == (200, read)

    tell(story)


@over_writable
def test_a_change_has_another_tag_and_keeps_the_day_it_was_made(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        first = await desk.make(sample.full)
        world.clock.go_on(60)
        answer = await desk.call("PUT", sample.other, headers={"if-match": first["etag"]})
        assert answer.status_code == 200
        second = answer.json()
        assert second["etag"] != first["etag"]
        assert (second["created_at"], second["updated_at"]) == (first["created_at"], "2026-11-22T12:01:00Z")
        assert second["document"] == msgspec.json.decode(sample.raw(sample.other))  # whole: what is not sent has its default
        assert await desk.read() == second

    tell(story)


@over_writable
def test_who_does_not_know_what_is_stored_overwrites_nothing(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        first = await desk.make(sample.other)
        now = (await desk.call("PUT", sample.full, headers={"if-match": first["etag"]})).json()
        unaware: list[dict[str, str]] = [{}, {"if-match": first["etag"]}, {"if-match": f"W/{now['etag']}"}, {"if-match": '""'}]
        for headers in unaware:
            answer = await desk.call("PUT", sample.other, headers=headers)
            assert problem(answer) == (412, "precondition", None), headers
            assert (answer.json()["etag"], answer.json()["stored"]) == (now["etag"], now["document"])
            assert answer.headers["etag"] == now["etag"]
        for headers in unaware[1:]:
            for method, body in (("PATCH", sample.other), ("DELETE", None)):
                answer = await desk.call(method, body, headers=headers)
                assert problem(answer) == (412, "precondition", None), (method, headers)
                assert (answer.json()["etag"], answer.json()["stored"]) == (now["etag"], now["document"])
        assert await desk.read() == now

    tell(story)


@over_writable
def test_who_says_so_overwrites(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        first = await desk.make(sample.full)
        assert (await desk.call("PUT", sample.other, headers={"if-match": "*"})).status_code == 200
        second = await desk.read()
        listed = f'"x", {second["etag"]} ,{first["etag"]}'
        assert (await desk.call("PUT", sample.full, headers={"if-match": listed})).status_code == 200
        assert (await desk.read())["document"] == first["document"]
        for wrong in ("x", '"', "", '"a" "b', "W/x"):
            answer = await desk.call("PUT", sample.other, headers={"if-match": wrong})
            assert problem(answer) == (422, "invalid", "If-Match"), wrong
        assert (await desk.read())["document"] == first["document"]

    tell(story)


@over_writable
def test_what_is_not_there_matches_no_tag(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        rows = rows_of(world)
        for tag in ('"x"', "*"):
            for method in ("PUT", "PATCH"):
                answer = await desk.call(method, sample.full, headers={"if-match": tag})
                if sample.collection.has_ids:
                    assert problem(answer) == (404, "not_found", None)
                else:
                    assert problem(answer) == (412, "precondition", None)
                    assert (answer.json()["etag"], answer.json()["stored"]) == (None, None)
            assert (await desk.call("DELETE", headers={"if-match": tag})).status_code == 404
        assert rows_of(world) == rows

    tell(story)


@over_writable
def test_the_same_content_again_is_no_conflict_and_no_change(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        first = await desk.make(sample.full)
        rows = rows_of(world)
        world.clock.go_on(60)
        reordered = dict(reversed(list(sample.full.items())))
        for headers in ({}, {"if-match": '"long-gone"'}, {"if-match": "*"}):
            again = await desk.call("PUT", reordered, headers=headers)
            assert (again.status_code, again.json()) == (200, first)
        patched = await desk.call("PATCH", sample.full)
        assert (patched.status_code, patched.json()) == (200, first)
        assert rows_of(world) == rows

    tell(story)


@over_writable
def test_a_patch_changes_what_it_names_and_nothing_else(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        full = await desk.make(sample.full)
        patched = await desk.call("PATCH", sample.other, headers={"if-match": full["etag"]})
        assert patched.status_code == 200
        assert patched.json()["document"] == {**full["document"], **sample.other}
        assert patched.json()["etag"] == patched.headers["etag"] != full["etag"]
        cleared = await desk.call("PATCH", {**dict.fromkeys(sample.full), **sample.least})
        assert cleared.json()["document"] == msgspec.json.decode(sample.raw(sample.least))
        assert await desk.read() == cleared.json()
        for required in sample.least:
            assert problem(await desk.call("PATCH", {required: None})) == (422, "invalid", f"$.{required}")

    tell(story)


@over_addressed
def test_a_patch_of_nothing_makes_a_document(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        answer = await desk.call("PATCH", sample.other)
        assert answer.status_code == 201
        assert answer.json()["document"] == msgspec.json.decode(sample.raw(sample.other))
        assert await desk.read() == answer.json()

    tell(story)


def test_a_patch_reaches_into_objects_and_replaces_lists(tell: Tell) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        await sam.call("PUT", f"/api/entries/{DAY}", {"source": {"name": "paper", "id": "17"}, "tags": ["a", "b"]})
        await sam.call("PATCH", f"/api/entries/{DAY}", {"source": {"id": "18"}, "tags": ["c"]})
        document = (await sam.call("GET", f"/api/entries/{DAY}")).json()["document"]
        assert (document["source"], document["tags"]) == ({"name": "paper", "id": "18"}, ["c"])

    tell(story)


@over_writable
def test_what_is_deleted_is_gone_and_can_be_written_anew(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        before = rows_of(world)
        first = await desk.make(sample.full)
        gone = await desk.call("DELETE", headers={"if-match": first["etag"]})
        assert (gone.status_code, gone.content) == (204, b"")
        assert rows_of(world) == before
        for method in ("GET", "DELETE"):
            assert problem(await desk.call(method)) == (404, "not_found", None)
        anew = await desk.create(sample.full)
        assert anew.status_code == 201
        assert anew.json()["etag"] != first["etag"]
        address = sample.address_of((anew.json()["id"],)) if sample.collection.has_ids else sample.address()
        assert (await desk.person.call("DELETE", address)).status_code == 204
        assert rows_of(world) == before

    tell(story)


# ── one of each ──────────────────────────────────────────────────────────────────────────────────────────────────────


@over_writable
def test_an_address_has_one_row_however_often_it_is_written(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        row = await made(world, sample.table, desk.make(sample.full))
        for body in (sample.other, sample.full, sample.other):
            assert (await desk.call("PUT", body, headers={"if-match": "*"})).status_code == 200
            assert (await desk.call("PATCH", sample.full)).status_code == 200
        encoded = sample.address().replace("2026", "%32026")
        for body in (sample.other, sample.full):
            assert (await desk.person.call("PUT", encoded, body, headers={"if-match": "*"})).status_code == 200
        (now,) = rows_of(world, sample.table)
        assert now[:-1] == row[:-1]  # sealed anew, and nothing else
        assert now.sealed != row.sealed

    tell(story)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_verbs_find_the_one_row_of_its_day_and_name(tell: Tell, sample: Sample) -> None:
    """On every pair of engines. Also shows that the reads and writes that are refused on a damaged row are good on a whole one."""

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.full)
        rows = {(row.vault_id, row.id) for row in rows_of(world, sample.table)}
        for path in VERBS[sample.table].reads_of(sample):
            answer = await desk.person.call("GET", path)
            assert answer.status_code == 200, (path, answer.text)
        for method, path, body in VERBS[sample.table].writes_of(sample):
            answer = await desk.person.call(method, path, body)
            assert answer.status_code in {200, 201, 204}, (method, path, answer.text)
        after = {(row.vault_id, row.id) for row in rows_of(world, sample.table)}
        assert after == (set() if sample.table == "imports" else rows)

    tell(story)


@over_addressed
def test_of_two_who_make_it_at_once_one_is_told(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        answers = await asyncio.gather(*(desk.call("PUT", body) for body in (sample.full, sample.other)))
        assert sorted(answer.status_code for answer in answers) == [201, 412]
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert lost.json()["stored"] == won.json()["document"] == (await desk.read())["document"]
        assert len(rows_of(world, sample.table)) == 1

    tell(story)


@over_writable
def test_of_two_who_change_it_at_once_one_is_told(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        etag = (await desk.make(sample.least))["etag"]
        bodies = (sample.full, sample.other)
        answers = await asyncio.gather(*(desk.call("PUT", body, headers={"if-match": etag}) for body in bodies))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 412)
        assert lost.json()["stored"] == won.json()["document"] == (await desk.read())["document"]

    tell(story)


@over_writable
def test_two_patches_at_once_are_both_kept(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.least)
        (one, first), (two, second), *_ = ((name, value) for name, value in sample.full.items() if name not in sample.least)
        await asyncio.gather(desk.call("PATCH", {one: first}), desk.call("PATCH", {two: second}))
        document = (await desk.read())["document"]
        assert (document[one], document[two]) == (first, second)

    tell(story)


# ── nobody else's ────────────────────────────────────────────────────────────────────────────────────────────────────


@over_writable
def test_somebody_elses_record_looks_like_none(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        hers, his = await desk_of(world, sample, "ann"), await desk_of(world, sample, "sam")
        written = await hers.make(sample.full)
        rows = rows_of(world)
        for method, body in (("GET", None), ("DELETE", None), ("PUT", sample.other), ("PATCH", sample.other)):
            for tag in ("*", written["etag"]):
                foreign = await his.call(method, body, headers={"if-match": tag})
                nothing = await his.call(method, body, day=OTHER_DAY, headers={"if-match": tag})
                assert foreign.status_code in {404, 412}
                assert foreign.status_code == nothing.status_code
                assert body_of(foreign) == body_of(nothing)
                assert {**foreign.headers, "x-request-id": "", "ratelimit": ""} == {**nothing.headers, "x-request-id": "", "ratelimit": ""}
        if sample.collection.key:
            assert (await his.person.call("GET", sample.path)).json()["items"] == []
        assert rows_of(world) == rows
        assert await hers.read() == written

    tell(story)


@over_all
def test_nothing_that_reads_the_collection_tells_of_somebody_elses(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        hers, his = await desk_of(world, sample, "ann"), await desk_of(world, sample, "sam")
        asked: list[tuple[str, str, Json]] = [("GET", path, None) for path in ["/api/imports", *VERBS[sample.table].reads_of(sample)]]
        asked.append(("POST", "/api/search", {"query": "a*"}))
        before = [body_of(await his.person.call(*one)) for one in asked]
        await hers.make(sample.full)
        assert [body_of(await his.person.call(*one)) for one in asked] == before

    tell(story)


@over_all
def test_two_people_have_the_same_address_each_for_themselves(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        one, other = await desk_of(world, sample, "ann"), await desk_of(world, sample, "sam")
        hers = await made(world, sample.table, one.make(sample.full))
        his = await made(world, sample.table, other.make(sample.full))
        assert hers.vault_id != his.vault_id
        assert hers.id != his.id  # the same day has another token in each vault: equal ones would tell who wrote on the same days
        assert (hers.tag is None) is (his.tag is None) is not sample.collection.has_names
        assert hers.tag is None or hers.tag != his.tag  # and so of names
        assert hers.sealed != his.sealed
        assert await (await vault_of(world, other.person)).delete(sample.collection, sample.key())
        assert rows_of(world, sample.table) == {hers}

    tell(story)


def test_erasing_empties_every_table_of_the_vault_and_no_other(tell: Tell) -> None:
    async def story(world: World) -> None:
        ann, sam = await world.sign_up("ann"), await world.sign_up("sam")
        for person in (ann, sam):
            for sample in SAMPLES:
                await Desk(world, person, sample).make(sample.full)
        rows, gates = rows_of(world), gates_of(world)
        hers = {row for row in rows if row.table in TABLES and row.vault_id == await vault_id_of(world, ann)}
        assert {row.table for row in hers} == TABLES.keys()
        assert len(hers) == len(SAMPLES)
        answer = await ann.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=await ann.step_up("erase"))
        assert answer.status_code == 200
        assert answer.json()["rows"] == len(SAMPLES)
        assert rows_of(world) == rows - hers
        assert gates - gates_of(world) == {row.vault_id for row in hers}
        for sample in WRITABLE:
            assert (await ann.call("GET", sample.address())).status_code == 401
            assert (await sam.call("GET", sample.address())).status_code == 200

    async def vault_id_of(world: World, person: Person) -> bytes:
        profile = await world.instance.accounts.by_address(person.address)
        assert profile is not None
        return (await world.instance.keyring.unlock(profile.id, profile.key_epoch)).vault_id

    tell(story)


# ── what is not accepted ─────────────────────────────────────────────────────────────────────────────────────────────


def wrong_for(value: Json) -> Json:
    return "yes" if isinstance(value, bool) else True


WRONG_KEYS: Mapping[str, list[Json]] = {
    "day": [OTHER_DAY, "2026-02-30", "20.11.2026", "9999-12-31", 5, True],
    "week": ["2026-W48", "2026-W54", "2026-47", "47", 5, True],
    "id": ["another", "", "x" * 65, 5, True],
}


def refused_of(sample: Sample) -> list[tuple[Json, str]]:
    """Documents, and where each is wrong."""
    wrong = {name: wrong_for(value) for name, value in sample.full.items()}
    refused: list[tuple[Json, str]] = [({**sample.full, name: value}, f"$.{name}") for name, value in wrong.items()]
    refused += [({**sample.full, "unknown": 1}, "$"), ({**sample.full, "Title ": "x"}, "$")]
    for name in sample.collection.key[:1]:
        refused += [({**sample.full, name: value}, f"$.{name}") for value in WRONG_KEYS[name]]
    if sample.kind:
        refused += [({**sample.full, "kind": kind}, "$.kind") for kind in ("noon", "", 5, *{"morning", "evening"} - {sample.kind})]
    return refused


@over_writable
def test_a_wrong_document_is_refused_at_its_field_and_changes_nothing(tell: Tell, sample: Sample) -> None:
    refused = refused_of(sample)

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        for is_there in (False, True):
            if is_there:
                await desk.make(sample.other)
            rows = rows_of(world)
            for method in ("PUT", "PATCH") if is_there or not sample.collection.has_ids else ("POST",):
                path = sample.address() if method != "POST" else sample.path
                for body, where in refused:
                    answer = await desk.person.call(method, path, body, headers={"if-match": "*"} if is_there else {})
                    assert problem(answer) == (422, "invalid", where), (method, body)
                for whole in (b"[]", b'"text"', b"5", b"null"):
                    answer = await desk.person.call(method, path, content=whole, headers={"content-type": "application/json"})
                    assert problem(answer) == (422, "invalid", "$"), (method, whole)
            assert rows_of(world) == rows

    tell(story)


@over_writable
def test_a_document_points_only_at_what_is_there_and_ones_own(tell: Tell, sample: Sample) -> None:
    references = list(sample.document(sample.full).references())

    async def story(world: World) -> None:
        await desk_of(world, sample, "ann")  # has what it points at
        sam = await world.sign_up("sam")
        answer = await sam.call("PUT", sample.address(), sample.full)
        if references:
            assert problem(answer) == (422, "invalid", references[0].path)
            assert not rows_of(world, sample.table)
        else:
            assert answer.status_code in {201, 404}

    tell(story)


NO_DAYS = ["2026-02-30", "2026-13-01", "2026-00-01", "0999-12-31", "9999-12-31", "2026-11-25", "today", "20261120", "2026-W47-5"]
NO_DAYS += ["2026-1-1", "-026-11-20", "2026-11-20T00", "2026-11-20 ", "２０２６-11-20", "2026-325", "null", "0"]
NO_WEEKS = [
    "2026-W00",
    "2026-W54",
    "2025-W53",
    "0999-W01",
    "9999-W52",
    "2026-47",
    "2026-w47",
    "2026-W7",
    "2026W47",
    "2026-11-20",
    "current-week",
]
NO_WEEKS += ["２０２６-W47", "2026-W47 ", "2026-W047", "null", "0"]
NO_IDS = ["x" * 65, "a b", "a.b", "ä", "a%00", "*", "a~b", "a,b"]
NO_KEYS = {
    "day": (NO_DAYS, (422, "invalid", "day")),
    "week": (NO_WEEKS, (422, "invalid", "week")),
    "id": (NO_IDS, (404, "not_found", None)),
}


@over_writable
def test_what_is_no_key_is_no_address(tell: Tell, sample: Sample) -> None:
    wrong, told = NO_KEYS[sample.collection.key[0]] if sample.collection.key else ([], None)

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.full)
        rows = rows_of(world)
        for key in wrong:
            for method, body in (("GET", None), ("PUT", sample.full), ("PATCH", sample.full), ("DELETE", None)):
                answer = await desk.person.call(method, sample.address_of((key, *sample.key()[1:])), body)
                assert problem(answer) == told, (method, key)
        assert rows_of(world) == rows

    tell(story)


@over_days
def test_the_first_and_the_last_day_are_taken(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        for day in ("1000-01-01", "2024-02-29", "2026-11-24"):  # east of Greenwich tomorrow is two days ahead of UTC
            assert (await desk.call("PUT", sample.full, day=day)).status_code == 201
            assert (await desk.read(day))["id"] == sample.id(day)

    tell(story)


@over_writable
def test_a_document_one_byte_over_its_limit_is_refused_and_changes_nothing(tell: Tell, sample: Sample) -> None:
    limit = sample.collection.limit_bytes

    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        first = await desk.make(sample.least)
        too_large: list[tuple[str, Json]] = [("PUT", {"x": "x" * (limit + 4096)})]
        if sample.filled is not None:
            first = (await desk.call("PUT", sample.sized(limit), headers={"if-match": "*"})).json()
            assert len(sample.raw(first["document"])) == limit
            too_large += [("PUT", sample.sized(limit + 1)), ("PATCH", sample.sized(limit + 1))]
        rows = rows_of(world)
        for method, body in too_large:
            answer = await desk.call(method, body, headers={"if-match": "*"})
            assert problem(answer)[:2] == (413, "too_large"), method
        assert rows_of(world) == rows
        assert await desk.read() == first

    tell(story)


GROWING = [sample for sample in SAMPLES if sample.table in {"daily_entries", "pillar_scores", "habit_days", "mood_logs"}]


@over(GROWING)
def test_a_verb_makes_no_document_larger_than_its_limit(tell: Tell, sample: Sample) -> None:
    async def story(world: World) -> None:
        desk = await desk_of(world, sample)
        await desk.make(sample.sized(sample.collection.limit_bytes))
        rows = rows_of(world, sample.table)
        method, path, body = VERBS[sample.table].writes_of(sample)[0]
        assert problem(await desk.person.call(method, path, body))[:2] == (413, "too_large")
        assert rows_of(world, sample.table) == rows

    tell(story)


@pytest.mark.parametrize("schedule", [{"every": "day"}, {"every": "weekdays", "days": [1, 5]}, {"every": "week", "times": 3}])
def test_a_habits_schedule_is_patched_from_any_kind_to_any_other(tell: Tell, schedule: Json) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        habit = (await sam.call("POST", "/api/habits", {"name": "Run"})).json()
        address = f"/api/habits/{habit['id']}"
        for before in ({"every": "week", "times": 2}, {"every": "weekdays", "days": [7]}, {"every": "day"}):
            assert (await sam.call("PATCH", address, {"schedule": before})).json()["document"]["schedule"] == before
            patched = await sam.call("PATCH", address, {"schedule": schedule})
            assert (patched.status_code, patched.json()["document"]["schedule"]) == (200, schedule)

    tell(story)
