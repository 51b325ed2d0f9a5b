"""The leak check as a test, and tests that the check itself finds what leaks: a search that finds nothing proves nothing by itself."""

import base64
import gzip
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest

from timos.cli.leakcheck import checks, run
from timos.cli.leakcheck.report import Report
from timos.cli.leaksearch import Canary, leaks_in

TEXT = "canary.body+6f1d@example.org, and on"
NOISE = bytes((7 * n * n + 3 * n) % 251 for n in range(5000))


@pytest.mark.slow
def test_nothing_of_a_user_is_readable_in_any_file_of_a_whole_instance() -> None:
    report = run.run()
    assert report.leaks == []
    assert len(report.checks) >= 6, "a check was left out"
    assert report.files >= 12, "databases, copies, backup, key and log"
    assert report.needles > 1000


def _zipped(raw: bytes) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("entries/1066-10-14.md", raw)
        return file.getvalue()


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "lower": bytes.lower,
    "upper": bytes.upper,
    "backwards": lambda raw: raw[::-1],
    "utf-16-le": lambda raw: raw.decode().encode("utf-16-le"),
    "utf-16-be": lambda raw: raw.decode().encode("utf-16-be"),
    "hex": lambda raw: raw.hex().encode(),
    "HEX": lambda raw: raw.hex().upper().encode(),
    "percent": lambda raw: quote(raw.decode(), safe="").encode(),
    "json": lambda raw: json.dumps({"body": raw.decode()}).encode(),
    "base64": base64.b64encode,
    "base64 after one byte": lambda raw: base64.b64encode(b"x" + raw + b"y"),
    "base64 after two bytes": lambda raw: base64.b64encode(b"xx" + raw + b"yy"),
    "base64url": base64.urlsafe_b64encode,
    "base64url after two bytes": lambda raw: base64.urlsafe_b64encode(b"{?" + raw),
    "zlib": zlib.compress,
    "zlib, stored": lambda raw: zlib.compress(raw, 0),
    "zlib, best": lambda raw: zlib.compress(b"before " * 99 + raw + b" after" * 99, 9),
    "zlib, broken off": lambda raw: zlib.compress(raw + bytes(range(256)) * 40)[:-30],
    "gzip": gzip.compress,
    "zip": _zipped,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("place", ["data/vault.db-wal", "tmp/left", "log.txt"])
def test_a_planted_text_is_found_in_every_spelling(tmp_path: Path, encoding: str, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(NOISE + ENCODINGS[encoding](TEXT.encode()) + NOISE)
    report = Report()
    checks.search(tmp_path, [Canary.of_text("a body", TEXT), Canary.of_text("a title", "something else")], report)
    assert report.leaks == [f"a body is readable in {place}"]


def test_noise_holds_no_canary(tmp_path: Path) -> None:
    (tmp_path / "vault.db").write_bytes(NOISE * 20)
    report = Report()
    checks.search(tmp_path, [Canary.of_text("a body", TEXT), Canary.of_day("a day", date(1066, 10, 14))], report)
    assert report.is_clean
    assert report.files == 1


@pytest.mark.parametrize(
    "spelling",
    [
        b"1066-10-14",
        b"1066-10-14T00:00:00Z",
        b"10661014",
        b"14.10.1066",
        b"10/14/1066",
        b"14 October 1066",
        b"October 14, 1066",
        b"1066-287",
        base64.b64encode(b'{"day":"1066-10-14"}'),
        b"1066-10-14".hex().encode(),
        b"-28502755200",
        b"-28502755200000",
        struct.pack(">q", -28502755200000),
        struct.pack("<q", -28502755200),
    ],
)
def test_a_day_is_found_in_every_spelling(spelling: bytes) -> None:
    canaries = [Canary.of_day("a day", date(1066, 10, 14)), Canary.of_day("another", date(1067, 10, 14))]
    assert leaks_in(NOISE + spelling + NOISE, "vault.db", canaries) == {"a day"}


@pytest.mark.parametrize("spelling", [b"0.123456789012345", struct.pack("<d", 0.123456789012345), struct.pack(">d", 0.123456789012345)])
def test_a_number_is_found_as_text_and_as_eight_bytes(spelling: bytes) -> None:
    assert leaks_in(NOISE + spelling, "vault.db", [Canary.of_number("valence", 0.123456789012345)]) == {"valence"}


@pytest.mark.parametrize("spell", [bytes, bytes.hex, base64.b64encode, base64.urlsafe_b64encode])
def test_an_id_is_found_as_bytes_and_as_text_but_where_it_belongs(spell: Callable[[bytes], bytes | str]) -> None:
    value = bytes(range(200, 216))
    spelt = spell(value)
    content = NOISE + (spelt if isinstance(spelt, bytes) else spelt.encode()) + NOISE
    canary = Canary.of_bytes("a user id", value, "platform.db*", "keys.json")
    for name in ("vault.db", "vault.db-wal", "log.txt", "other"):
        assert leaks_in(content, name, [canary]) == {"a user id"}
    for name in ("platform.db", "platform.db-wal", "keys.json"):
        assert leaks_in(content, name, [canary]) == set()


def _database(path: Path, table: str, rows: dict[bytes, int]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {table} (vault_id BLOB, value BLOB)")
        connection.executemany(f"INSERT INTO {table} (vault_id, rowid, value) VALUES (?, ?, x'01')", rows.items())  # noqa: S608


@pytest.mark.parametrize("is_backwards", [False, True])
def test_rows_in_the_order_of_sign_up_are_found(tmp_path: Path, *, is_backwards: bool) -> None:
    (tmp_path / "data").mkdir()
    order = [bytes([n]) * 16 for n in range(1, 13)]
    mixed = dict(zip(order, (40, 3, 77, 12, 9, 80, 1, 55, 20, 66, 31, 5), strict=True))
    numbered = {vault: 100 - n if is_backwards else n for n, vault in enumerate(order)}
    for table, rows in (("vault_gates", mixed), ("daily_entries", numbered), ("feels_entries", mixed)):
        _database(tmp_path / "data" / "vault.db", table, rows)
    report = Report()
    checks.order_is_random(tmp_path, order, report)
    assert report.leaks == ["the rows of daily_entries lie in the order of sign-up"]


def test_a_value_that_joins_the_databases_is_found(tmp_path: Path) -> None:
    joining, ours, theirs = (bytes([n]) * 16 for n in (1, 2, 3))
    _database(tmp_path / "platform.db", "users", {joining: 1, ours: 2})
    _database(tmp_path / "vault.db", "daily_entries", {joining: 1, theirs: 2})
    report = Report()
    checks.databases_share_nothing(tmp_path, tmp_path, report)
    assert "users.vault_id and daily_entries.vault_id hold the same value" in report.leaks


def test_a_value_in_the_log_of_the_other_database_is_found(tmp_path: Path) -> None:
    """It may have been deleted since: then no table shows it."""
    ours = bytes(range(16))
    _database(tmp_path / "platform.db", "users", {ours: 1})
    _database(tmp_path / "vault.db", "daily_entries", {bytes(range(50, 66)): 1})
    stolen = tmp_path / "stolen"
    stolen.mkdir()
    (stolen / "vault.db-wal").write_bytes(NOISE + ours)
    report = Report()
    checks.databases_share_nothing(tmp_path, stolen, report)
    assert (stolen / "vault.db-wal").exists(), "it is to be searched for canaries afterwards"
    assert report.leaks == ["a value of users.vault_id lies in vault.db"]


@pytest.mark.parametrize("name", ["tmp/timos-export.zip", "spilled.db"])
def test_a_file_that_a_server_leaves_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / name).write_bytes(b"")
    report = Report()
    checks.left_nothing(tmp_path, report)
    assert len(report.leaks) == 1
