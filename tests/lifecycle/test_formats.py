"""Files that journals move in and out with: nothing lost on the way, and nothing of a stranger's file trusted."""

import hashlib
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.kernel.errors import InputError, MalformedError, TimosError, TooLargeError
from timos.lifecycle.formats import zips
from timos.lifecycle.formats.archive import writing
from timos.lifecycle.formats.archive.reading import ArchivedDocument, read_archive
from timos.lifecycle.formats.archive.writing import ArchiveWriter
from timos.lifecycle.formats.jsonl import Line, Refusal, read_jsonl

# ── JSON Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read(*lines: str) -> list[Line | Refusal]:
    return list(read_jsonl("\n".join(lines).encode()))


def line(day: str, text: str = "hidden words") -> str:
    return json.dumps({"date": day, "text": text}, ensure_ascii=False)


def test_good_lines_come_back_with_their_numbers() -> None:
    expected = [Line(1, date(1660, 1, 11), "£60 “so”\nto bed"), Line(3, date(2026, 11, 22), "")]
    assert read(line("1660-01-11", "£60 “so”\nto bed"), "  ", line("2026-11-22", "")) == expected


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbf%b\r\n%b\r\n", b"%b\n%b", b"\n\n%b\n\r\n%b\n\n"])
def test_a_byte_order_mark_crlf_and_empty_lines_are_accepted(raw: bytes) -> None:
    found = list(read_jsonl(raw % (line("2026-01-01", "a").encode(), line("2026-01-02", "b").encode())))
    assert [(entry.day, entry.text) for entry in found if isinstance(entry, Line)] == [(date(2026, 1, 1), "a"), (date(2026, 1, 2), "b")]
    assert len(found) == 2


def test_a_line_separator_inside_a_text_does_not_end_the_line() -> None:
    assert read(line("2026-01-01", "a\u2028b\x85c")) == [Line(1, date(2026, 1, 1), "a\u2028b\x85c")]


def test_the_second_line_of_a_day_is_refused_and_the_first_is_kept() -> None:
    first, second, third = read(line("2026-01-01", "one"), line("2026-01-01", "two"), line("2026-01-01", "three"))
    assert first == Line(1, date(2026, 1, 1), "one")
    assert second == Refusal(2, "This day is in line 1 already.", date(2026, 1, 1))
    assert third == Refusal(3, "This day is in line 1 already.", date(2026, 1, 1))


@pytest.mark.parametrize(
    "bad",
    [
        b"hidden words",
        b'{"date": "2026-01-01", "text": "hidden words"',
        b'{"date": "2026-01-01", "text": "hidden words"} {}',
        b'["2026-01-01", "hidden words"]',
        b"null",
        b"{}",
        b'{"date": "2026-01-01"}',
        b'{"text": "hidden words"}',
        b'{"date": "2026-01-01", "text": "hidden words", "mood": 1}',
        b'{"date": "2026-01-01", "text": "a", "text": "hidden words"}',
        b'{"date": "2026-01-01", "text": {"a": 1, "a": 2}}',
        b'{"date": "2026-01-01", "text": NaN}',
        b'{"date": "2026-01-01", "text": -Infinity}',
        b'{"date": "2026-01-01", "text": 1}',
        b'{"date": "2026-01-01", "text": null}',
        b'{"date": "2026-01-01", "text": "hidden words \\ud800"}',
        b'{"date": "2026-01-01", "text": "\xff hidden words"}',
        b'{"date": "2026-01-01", "text": "\xed\xa0\x80"}',
        b'{"date": "2026-01-01", "text": "tab\there"}',
        b'{"date": "2026-02-30", "text": "hidden words"}',
        b'{"date": "20260101", "text": "hidden words"}',
        b'{"date": "2026-W01-1", "text": "hidden words"}',
        b'{"date": "2026-1-1", "text": "hidden words"}',
        b'{"date": "2026-01-01T00:00:00", "text": "hidden words"}',
        '{"date": "٢٠٢٦-01-01", "text": "hidden words"}'.encode(),
        b'{"date": 20260101, "text": "hidden words"}',
        b'{"date": "0000-01-01", "text": "hidden words"}',
        b"[" * 100_000,
        b"1" * 100_000,
    ],
    ids=range(29),
)
def test_a_bad_line_is_refused_without_repeating_it_and_hides_no_other(bad: bytes) -> None:
    before, refused, after = read_jsonl(b"\n".join([line("2026-01-02").encode(), bad, line("2026-01-03").encode()]))
    assert isinstance(before, Line)
    assert isinstance(after, Line)
    assert isinstance(refused, Refusal)
    assert refused.number == 2
    assert refused.reason
    assert "hidden" not in refused.reason


@given(
    st.lists(
        st.binary(max_size=40) | st.builds(lambda day, text: line(day.isoformat(), text).encode(), st.dates(), st.text(max_size=9)),
        max_size=8,
    )
)
def test_every_line_that_is_not_empty_has_one_result(lines: list[bytes]) -> None:
    raw = b"\n".join(lines)
    expected = [number for number, text in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1) if text.strip(b" \t\r")]
    found = list(read_jsonl(raw))
    assert [result.number for result in found] == expected
    days = [result.day for result in found if isinstance(result, Line)]
    assert len(days) == len(set(days))


# ── writing an archive ───────────────────────────────────────────────────────────────────────────────────────────────

DAY = date(2026, 11, 22)


def entry(key: str = "2026-11-22", body: str = "words", collection: str = "daily_entries") -> ArchivedDocument:
    return ArchivedDocument(collection, 1, key, 1_763_800_000_123, 1_763_900_000_000, msgspec.json.encode({"body": body}))


def chunks(documents: list[ArchivedDocument], days: dict[date, str]) -> Iterator[bytes]:
    writer = ArchiveWriter()
    collection = None
    for document in documents:
        if document.collection != collection:
            collection = document.collection
            yield writer.add_collection(collection, document.version)
        yield writer.add_document(document.key, document.created_at_ms, document.updated_at_ms, document.raw_json)
    for day, text in days.items():
        yield writer.add_day(day, text)
    yield writer.finish()


def written(documents: list[ArchivedDocument] | None = None, days: dict[date, str] | None = None) -> bytes:
    return b"".join(chunks([entry()] if documents is None else documents, {DAY: "# A day\n"} if days is None else days))


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
instants = st.integers(0, 4_102_444_800_000)


@st.composite
def archived(draw: st.DrawFn) -> list[ArchivedDocument]:
    documents = []
    for collection in draw(st.lists(st.sampled_from(["daily_entries", "feels_entries", "preferences"]), unique=True)):
        version = draw(st.integers(1, 9))
        for key in draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=4)):
            raw = msgspec.json.encode(draw(values), order="sorted")
            documents.append(ArchivedDocument(collection, version, key, draw(instants), draw(instants), raw))
    return documents


@pytest.mark.slow
@given(archived())
def test_what_is_read_is_byte_for_byte_what_was_written(documents: list[ArchivedDocument]) -> None:
    assert list(read_archive(written(documents))) == documents


def test_a_long_collection_goes_on_in_a_second_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART_BYTES", 1000)
    documents = [entry(f"2026-01-{day:02}", "words " * 50) for day in range(1, 10)]
    raw = written(documents)
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        assert {"data/daily_entries.json", "data/daily_entries-2.json"} < set(opened.namelist())
    assert list(read_archive(raw)) == documents


def test_an_empty_journal_and_an_empty_collection_have_an_archive() -> None:
    assert list(read_archive(written([], {}))) == []
    writer = ArchiveWriter()
    raw = writer.add_collection("pillars", 1) + writer.finish()
    assert list(read_archive(raw)) == []
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        assert json.loads(opened.read("data/pillars.json")) == {"collection": "pillars", "version": 1, "documents": []}


def test_any_zip_program_opens_it_and_people_can_read_it() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["README.txt", "data/daily_entries.json", "entries/2026/2026-11-22.md", "manifest.json"]
        assert opened.read("entries/2026/2026-11-22.md") == b"# A day\n"
        [document] = json.loads(opened.read("data/daily_entries.json"))["documents"]
        assert document == {
            "key": "2026-11-22",
            "created_at": "2025-11-22T08:26:40.123000Z",
            "updated_at": "2025-11-23T12:13:20Z",
            "document": {"body": "words"},
        }


def test_the_manifest_tells_what_belongs_to_the_archive() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        assert (manifest["format"], manifest["version"], manifest["days"]) == ("timos-archive", 1, 1)
        assert manifest["counts"] == {"daily_entries": 1}
        assert set(manifest["files"]) == set(opened.namelist()) - {"manifest.json"}
        for name, file in manifest["files"].items():
            content = opened.read(name)
            assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_same_content_is_the_same_archive_so_nothing_else_shows() -> None:
    assert written() == written()
    with zipfile.ZipFile(io.BytesIO(written())) as opened:
        for info in opened.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert not info.extra
            assert not info.comment


def test_it_comes_in_chunks_while_it_is_written() -> None:
    bodies = [hashlib.shake_256(bytes([number])).hexdigest(10_000) for number in range(40)]  # hardly packs
    sizes = [len(chunk) for chunk in chunks([entry(str(number), body) for number, body in enumerate(bodies)], {})]
    assert sum(size > 0 for size in sizes) >= 4
    assert max(sizes) < 3 * writing.CHUNK_BYTES


def test_an_archive_cut_short_cannot_be_taken_for_a_whole_one() -> None:
    raw = written()
    for length in range(len(raw)):
        with pytest.raises(InputError):
            list(read_archive(raw[:length]))


def test_a_writer_that_is_dropped_leaves_no_complaint() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer = ArchiveWriter()
        writer.add_collection("pillars", 1)
        writer.add_document("a", 0, 0, b"{}")
        del writer


def test_a_document_without_a_collection_is_not_written() -> None:
    writer = ArchiveWriter()
    with pytest.raises(TimosError):
        writer.add_document("a", 0, 0, b"{}")
    writer.add_day(DAY, "text")
    with pytest.raises(TimosError):
        writer.add_document("a", 0, 0, b"{}")


# ── reading a stranger's archive ─────────────────────────────────────────────────────────────────────────────────────

Members = dict[str, bytes]


def members(raw: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def manifest(files: Members, **changes: object) -> bytes:
    described = {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()}
    return json.dumps({"format": "timos-archive", "version": 1, "counts": {}, "days": 0, "files": described} | changes).encode()


def packed(files: Members, method: int = zipfile.ZIP_DEFLATED, change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's about a name it has already
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if change is not None:
                change(info)
            made.writestr(info, content)
    return target.getvalue()


def forged(files: Members, **changes: object) -> bytes:
    return packed(files | {"manifest.json": manifest(files, **changes)})


def refused(raw: bytes) -> InputError:
    with pytest.raises(InputError) as error:
        list(read_archive(raw))
    return error.value


def collection(*documents: str, name: str = "daily_entries", version: int = 1) -> bytes:
    return f'{{"collection":"{name}","version":{version},"documents":[{",".join(documents)}]}}'.encode()


def stored(document: str = "{}", created: str = '"2026-01-01T00:00:00Z"') -> str:
    return f'{{"key":"k","created_at":{created},"updated_at":"2026-01-01T01:00:00+01:00","document":{document}}}'


def test_an_archive_unpacked_and_packed_again_by_another_program_is_still_read() -> None:
    files = members(written())
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        again = packed({"data/": b"", "entries/": b"", "entries/2026/": b""} | dict(reversed(files.items())), method)
        assert list(read_archive(again)) == [entry()]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../x",
        "data/../../x",
        "a/./b",
        "..",
        "a//b",
        "C:/x",
        "a\\b",
        "\\\\host\\x",
        "a\tb",
        "é.md",
        ".hidden",
        "a/.git/config",
        "a b",
        "",
    ],
)
def test_unsafe_names_are_refused(name: str) -> None:
    error = refused(forged({name: b"x"}))
    assert error.path == "member 1"


def test_repeated_names_are_refused_even_in_another_case() -> None:
    raw = forged({"README.txt": b"x", "readme.TXT": b"x"})
    assert refused(raw).path == "readme.TXT"
    assert "overlap" not in str(refused(raw))
    assert refused(raw.replace(b"readme.TXT", b"README.txt")).path == "README.txt"


@pytest.mark.parametrize("kind", [0o120000, 0o020000, 0o060000, 0o010000, 0o140000])
def test_links_and_devices_are_refused(kind: int) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = (kind | 0o777) << 16

    assert refused(packed({"x": b"/etc/passwd"}, change=change)).path == "x"


@pytest.mark.parametrize("flag", [0x01, 0x40, 0x2000])
def test_encrypted_members_are_refused(flag: int) -> None:
    raw = bytearray(packed({"x": b"words"}))
    raw[raw.index(b"PK\x01\x02") + 8 : raw.index(b"PK\x01\x02") + 10] = flag.to_bytes(2, "little")
    error = refused(bytes(raw))
    assert error.path == "x"
    assert "encrypted" in str(error)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(method: int) -> None:
    assert refused(packed({"x": b"words"}, method)).path == "x"


def test_overlapping_members_are_refused() -> None:
    raw = bytearray(packed({"a": b"words" * 9, "b": b"words" * 9}, zipfile.ZIP_STORED))
    inner = raw.index(b"PK\x03\x04", 4)
    struct.pack_into("<H", raw, 28, inner - 20)  # an extra field of the first member that ends in the second one
    assert "overlap" in str(refused(bytes(raw)))


def test_two_members_with_one_place_are_refused() -> None:
    raw = bytearray(packed({"aa": b"words", "ab": b"words"}))
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    struct.pack_into("<L", raw, second + 42, 0)
    assert isinstance(refused(bytes(raw)), MalformedError)  # the local header names the other member
    raw[second + 47] = ord("a")
    assert "same name" in str(refused(bytes(raw)))


@pytest.mark.parametrize(("at", "change"), [(0, b"PK\x03\x05"), (6, b"\x01"), (8, b"\x08"), (30, b"evil.txt")])
def test_a_local_header_that_disagrees_is_refused(at: int, change: bytes) -> None:
    raw = bytearray(packed({"safe.txt": b"words"}, zipfile.ZIP_STORED))
    assert zips.read_members(bytes(raw))
    raw[at : at + len(change)] = change
    with pytest.raises(MalformedError):
        zips.read_members(bytes(raw))


def test_a_directory_that_holds_more_than_it_counts_is_refused() -> None:
    raw = bytearray(packed({"a": b"words", "b": b"words"}))
    struct.pack_into("<HH", raw, len(raw) - 14, 1, 1)
    with pytest.raises(MalformedError):
        zips.read_members(bytes(raw))


def test_a_member_with_another_checksum_is_refused() -> None:
    raw = packed({"a": b"words"}, zipfile.ZIP_STORED).replace(b"words", b"sword")
    [member] = zips.read_members(raw)
    with pytest.raises(MalformedError):
        list(zips.unpack(raw, member))


def test_nothing_may_stand_before_between_or_after() -> None:
    raw = written()
    for damaged in (b"MZ" + raw, raw + b"x", raw[:-22] + b"gap" + raw[-22:]):
        assert isinstance(refused(damaged), MalformedError)


@pytest.mark.parametrize("raw", [b"", b"PK", b"not a zip at all", b"\x00" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(raw: bytes) -> None:
    assert isinstance(refused(raw), MalformedError)


def test_too_many_members_are_refused_before_any_is_looked_at() -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 20_001, 20_001, 0, 0, 0)
    assert isinstance(refused(end), TooLargeError)


def with_sizes(raw: bytes, *, packed_bytes: int | None = None, size_bytes: int | None = None) -> bytes:
    changed = bytearray(raw)
    at = changed.index(b"PK\x01\x02")
    if packed_bytes is not None:
        struct.pack_into("<L", changed, at + 20, packed_bytes)
    if size_bytes is not None:
        struct.pack_into("<L", changed, at + 24, size_bytes)
    return bytes(changed)


def test_a_member_over_its_limit_is_refused_by_what_it_states() -> None:
    error = refused(with_sizes(packed({"x": b"words"}), size_bytes=zips.MAX_MEMBER_BYTES + 1))
    assert isinstance(error, TooLargeError)
    assert error.path == "x"


def test_a_member_that_states_less_than_it_holds_is_refused_while_it_unpacks() -> None:
    bomb = with_sizes(packed({"manifest.json": bytes(50_000_000)}), size_bytes=1000)
    [member] = zips.read_members(bomb)
    assert isinstance(refused(bomb), MalformedError)
    with pytest.raises(MalformedError):
        next(zips.unpack(bomb, member))


def test_a_member_that_states_more_than_it_holds_is_refused() -> None:
    assert isinstance(refused(with_sizes(packed({"manifest.json": b"{}"}), size_bytes=3)), MalformedError)
    assert refused(with_sizes(packed({"x": b"words"}), packed_bytes=10_000_000)).path == "x"


def test_what_unpacks_to_hundreds_of_times_its_size_is_refused_unless_it_is_small() -> None:
    error = refused(packed({"x": bytes(zips.SMALL_BYTES + 1)}))
    assert isinstance(error, TooLargeError)
    assert error.path == "x"
    letters = [entry(body="a" * 1_048_576)]
    assert list(read_archive(written(letters))) == letters


def test_the_whole_is_bounded_too() -> None:
    raw = packed({f"f{number}": bytes(zips.SMALL_BYTES) for number in range(2)})
    one = raw[: raw.index(b"PK\x03\x04", 4)]
    count = zips.MAX_TOTAL_BYTES // zips.SMALL_BYTES + 1
    head = raw[raw.index(b"PK\x01\x02") :][: 46 + 2]
    body, directory = b"", b""
    for number in range(count):
        name = f"{number:02x}".encode()
        directory += head[:42] + struct.pack("<L", len(body)) + name
        body += one[:30] + name + one[32:]
    raw = body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    error = refused(raw)
    assert isinstance(error, TooLargeError)
    assert error.path == "archive"


@pytest.mark.parametrize("hidden", [b"hidden", bytes(100_000)], ids=["short", "long"])
def test_bytes_hidden_behind_the_end_of_a_packed_member_are_refused(hidden: bytes) -> None:
    def deflated(behind: bytes) -> bytes:
        packer = zlib.compressobj(wbits=-15)
        raw = bytearray(packed({"x": packer.compress(b"{}") + packer.flush() + behind}, zipfile.ZIP_STORED))
        at = raw.index(b"PK\x01\x02")
        struct.pack_into("<H", raw, 8, 8)
        struct.pack_into("<H", raw, at + 10, 8)
        struct.pack_into("<L", raw, at + 16, zlib.crc32(b"{}"))
        struct.pack_into("<L", raw, at + 24, 2)
        return bytes(raw)

    assert b"".join(zips.unpack(deflated(b""), zips.read_members(deflated(b""))[0])) == b"{}"
    with pytest.raises(MalformedError):
        list(zips.unpack(deflated(hidden), zips.read_members(deflated(hidden))[0]))


def test_a_zip_that_is_no_archive_of_ours_is_refused_by_name() -> None:
    assert refused(packed({"x": b"words"})).path == "manifest.json"
    assert refused(forged({}, format="another")).path == "manifest.json"
    assert refused(packed({"manifest.json": b"[]"})).path == "manifest.json"
    assert refused(packed({"manifest.json": b"[" * 100_000})).path == "manifest.json"


@pytest.mark.parametrize("version", [0, 2, 99])
def test_a_manifest_of_another_version_is_refused(version: int) -> None:
    error = refused(forged({}, version=version))
    assert "version" in str(error)


def test_changed_missing_and_added_members_are_refused() -> None:
    files = members(written())
    changed = files | {"README.txt": files["README.txt"].replace(b"TimOS", b"Timos")}
    missing = {name: content for name, content in files.items() if name != "README.txt"}
    assert refused(packed(changed)).path == "README.txt"
    assert refused(packed(missing)).path == "README.txt"
    assert refused(packed(files | {"extra.txt": b"x"})).path == "extra.txt"
    assert refused(packed({"manifest.json": manifest({"../x": b""})})).path == "manifest.json"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/daily_entries.json", b"no JSON"),
        ("data/daily_entries.json", b"[" * 100_000),
        ("data/daily_entries.json", collection(name="moods")),
        ("data/daily_entries.txt", collection()),
        ("data/x/daily_entries.json", collection()),
        ("data/daily_entries.json", collection("{}")),
        ("data/daily_entries.json", collection(stored("[" * 100_000 + "]" * 100_000))),
        ("data/daily_entries.json", collection(stored("NaN"))),
        ("data/daily_entries.json", collection(stored(created='"2026-01-01T00:00:00"'))),
        ("data/daily_entries.json", collection(stored(created="1767225600"))),
        ("data/daily_entries.json", collection(stored('"?"')).replace(b"?", b"\xff")),
    ],
    ids=range(11),
)
def test_a_member_that_is_not_what_its_name_promises_is_refused(name: str, content: bytes) -> None:
    error = refused(forged({name: content}))
    assert isinstance(error, MalformedError)
    assert error.path == name


def test_instants_are_read_in_any_offset() -> None:
    [document] = read_archive(forged({"data/daily_entries.json": collection(stored())}))
    assert document.created_at_ms == document.updated_at_ms == 1_767_225_600_000


def test_no_document_is_given_before_the_whole_archive_is_checked() -> None:
    files = members(written())
    broken = dict(files) | {"entries/2026/2026-11-22.md": b"# Another day\n"}
    with pytest.raises(InputError):
        next(read_archive(packed(broken)))


ORIGINAL = written()


@given(st.integers(0, len(ORIGINAL) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_changes_no_document(at: int, difference: int) -> None:
    raw = bytearray(ORIGINAL)
    raw[at] ^= difference
    try:
        found = list(read_archive(bytes(raw)))
    except InputError:
        return
    assert found == [entry()]


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_our_own_errors(noise: bytes) -> None:
    for raw in (noise, ORIGINAL[:30] + noise + ORIGINAL[30:], noise + ORIGINAL[-22:]):
        try:
            list(read_archive(raw))
        except InputError:
            continue
