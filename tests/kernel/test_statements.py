"""A statement's text for each engine, word for word: a change of it, ours or a library's, must be seen by somebody."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields

import pytest
from sqlalchemy import text

from timos.kernel.db.port import Value
from timos.kernel.db.statements import Statement
from timos.platform.auth.sessions.session_rows import SESSION_CHECK
from timos.vault import tables
from timos.vault.tables import IN_SIZES, ROWS, RowStatements

DIALECTS = ("sqlite", "postgresql", "mysql")

# Every parameter is called by its name here, so that the order in which a driver gets them can be read.
NAMES = [
    "vault_id",
    "id",
    "tag",
    "sealed",
    "rowid",
    "gate",
    "salt",
    "after",
    "name",
    "value",
    "vault",
    "sequence",
    "line",
    "session_id",
    "user_id",
]
NAMED: Mapping[str, str] = {name: name for name in [*NAMES, "session_id", "user_id", *(f"id{number}" for number in range(max(IN_SIZES)))]}

# Name, text, parameters after "<-". ROWS stands for the table of a collection.
ON_SQLITE = """
get: SELECT ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id = ? <- vault_id id
scan: SELECT ROWS.id, ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id > ? ORDER BY ROWS.id LIMIT ? OFFSET ?
    <- vault_id after 200 0
insert: INSERT INTO ROWS (rowid, vault_id, id, tag, sealed) SELECT ? AS rowid, vault_gates.vault_id, ? AS id, ? AS tag, ? AS sealed
    FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ? <- rowid id tag sealed vault_id gate
update: UPDATE ROWS SET tag=?, sealed=? WHERE ROWS.vault_id = ? AND ROWS.id = ? AND substr(ROWS.sealed, 6, 24) = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ?))
    <- tag sealed vault_id id salt vault_id gate
delete: DELETE FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id = ? AND substr(ROWS.sealed, 6, 24) = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ?))
    <- vault_id id salt vault_id gate
discard: DELETE FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id = ? AND ROWS.sealed = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ?))
    <- vault_id id sealed vault_id gate
named: SELECT ROWS.id FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.tag = ? <- vault_id tag
purge: DELETE FROM ROWS WHERE ROWS.vault_id = ? <- vault_id
use: SELECT count(*) AS count_1, sum(length(ROWS.sealed)) AS sum_1 FROM ROWS WHERE ROWS.vault_id = ? <- vault_id
gates.get: SELECT vault_gates.gate FROM vault_gates WHERE vault_gates.vault_id = ? <- vault_id
gates.insert: INSERT INTO vault_gates (rowid, vault_id, gate) VALUES (?, ?, ?) <- rowid vault_id gate
gates.set: UPDATE vault_gates SET gate=? WHERE vault_gates.vault_id = ? <- value vault
gates.delete: DELETE FROM vault_gates WHERE vault_gates.vault_id = ? <- vault_id
gates.with: SELECT vault_gates.vault_id FROM vault_gates WHERE vault_gates.gate = ? <- gate
gates.count: SELECT count(*) AS count_1 FROM vault_gates <-
meta.get: SELECT meta.value FROM meta WHERE meta.name = ? <- name
meta.insert: INSERT INTO meta (name, value) VALUES (?, ?) <- name value
ledger.insert: INSERT INTO ledger (sequence, line) VALUES (?, ?) <- sequence line
ledger.all: SELECT ledger.sequence, ledger.line FROM ledger ORDER BY ledger.sequence <-
auth_sessions.check: SELECT auth_sessions.id, auth_sessions.user_id, auth_sessions.kind, auth_sessions.auth_epoch, auth_sessions.aal,
    auth_sessions.auth_at, auth_sessions.created_at, auth_sessions.expires_at, auth_sessions.mac, users.id AS id_1, users.address_index,
    users.role, users.status, users.auth_epoch AS auth_epoch_1, users.key_epoch, users.created_at AS created_at_1, users.mac AS mac_1
    FROM auth_sessions JOIN users ON users.id = auth_sessions.user_id
    WHERE auth_sessions.id = ? AND auth_sessions.user_id = ? AND auth_sessions.ended_at IS NULL <- session_id user_id
"""

ON_POSTGRESQL = """
get: SELECT ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = $1::BYTEA AND ROWS.id = $2::BYTEA <- vault_id id
scan: SELECT ROWS.id, ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = $1::BYTEA AND ROWS.id > $2::BYTEA ORDER BY ROWS.id
    LIMIT $3::INTEGER <- vault_id after 200
insert: INSERT INTO ROWS (vault_id, id, tag, sealed) SELECT vault_gates.vault_id, $1::BYTEA AS id, $2::BYTEA AS tag, $3::BYTEA AS sealed
    FROM vault_gates WHERE vault_gates.vault_id = $4::BYTEA AND vault_gates.gate = $5::BYTEA FOR SHARE <- id tag sealed vault_id gate
update: UPDATE ROWS SET tag=$1::BYTEA, sealed=$2::BYTEA WHERE ROWS.vault_id = $3::BYTEA AND ROWS.id = $4::BYTEA
    AND substr(ROWS.sealed, 6, 24) = $5::BYTEA
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = $3::BYTEA AND vault_gates.gate = $6::BYTEA FOR SHARE))
    <- tag sealed vault_id id salt gate
delete: DELETE FROM ROWS WHERE ROWS.vault_id = $1::BYTEA AND ROWS.id = $2::BYTEA AND substr(ROWS.sealed, 6, 24) = $3::BYTEA
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = $1::BYTEA AND vault_gates.gate = $4::BYTEA FOR SHARE))
    <- vault_id id salt gate
discard: DELETE FROM ROWS WHERE ROWS.vault_id = $1::BYTEA AND ROWS.id = $2::BYTEA AND ROWS.sealed = $3::BYTEA
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = $1::BYTEA AND vault_gates.gate = $4::BYTEA FOR SHARE))
    <- vault_id id sealed gate
named: SELECT ROWS.id FROM ROWS WHERE ROWS.vault_id = $1::BYTEA AND ROWS.tag = $2::BYTEA <- vault_id tag
purge: DELETE FROM ROWS WHERE ROWS.vault_id = $1::BYTEA <- vault_id
use: SELECT count(*) AS count_1, sum(length(ROWS.sealed)) AS sum_1 FROM ROWS WHERE ROWS.vault_id = $1::BYTEA <- vault_id
gates.get: SELECT vault_gates.gate FROM vault_gates WHERE vault_gates.vault_id = $1::BYTEA <- vault_id
gates.insert: INSERT INTO vault_gates (vault_id, gate) VALUES ($1::BYTEA, $2::BYTEA) <- vault_id gate
gates.set: UPDATE vault_gates SET gate=$1::BYTEA WHERE vault_gates.vault_id = $2::BYTEA <- value vault
gates.delete: DELETE FROM vault_gates WHERE vault_gates.vault_id = $1::BYTEA <- vault_id
gates.with: SELECT vault_gates.vault_id FROM vault_gates WHERE vault_gates.gate = $1::BYTEA <- gate
gates.count: SELECT count(*) AS count_1 FROM vault_gates <-
meta.get: SELECT meta.value FROM meta WHERE meta.name = $1::VARCHAR <- name
meta.insert: INSERT INTO meta (name, value) VALUES ($1::VARCHAR, $2::BYTEA) <- name value
ledger.insert: INSERT INTO ledger (sequence, line) VALUES ($1::INTEGER, $2::VARCHAR) <- sequence line
ledger.all: SELECT ledger.sequence, ledger.line FROM ledger ORDER BY ledger.sequence <-
auth_sessions.check: SELECT auth_sessions.id, auth_sessions.user_id, auth_sessions.kind, auth_sessions.auth_epoch, auth_sessions.aal,
    auth_sessions.auth_at, auth_sessions.created_at, auth_sessions.expires_at, auth_sessions.mac, users.id AS id_1, users.address_index,
    users.role, users.status, users.auth_epoch AS auth_epoch_1, users.key_epoch, users.created_at AS created_at_1, users.mac AS mac_1
    FROM auth_sessions JOIN users ON users.id = auth_sessions.user_id
    WHERE auth_sessions.id = $1::BYTEA AND auth_sessions.user_id = $2::BYTEA AND auth_sessions.ended_at IS NULL <- session_id user_id
"""

# As SQLite, but for these. No rowid: InnoDB orders rows by the primary key, which is random.
ON_MYSQL = """
scan: SELECT ROWS.id, ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id > ? ORDER BY ROWS.id LIMIT ? <- vault_id after 200
insert: INSERT INTO ROWS (vault_id, id, tag, sealed) SELECT vault_gates.vault_id, ? AS id, ? AS tag, ? AS sealed
    FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ? LOCK IN SHARE MODE <- id tag sealed vault_id gate
update: UPDATE ROWS SET tag=?, sealed=? WHERE ROWS.vault_id = ? AND ROWS.id = ? AND substr(ROWS.sealed, 6, 24) = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ? LOCK IN SHARE MODE))
    <- tag sealed vault_id id salt vault_id gate
delete: DELETE FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id = ? AND substr(ROWS.sealed, 6, 24) = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ? LOCK IN SHARE MODE))
    <- vault_id id salt vault_id gate
discard: DELETE FROM ROWS WHERE ROWS.vault_id = ? AND ROWS.id = ? AND ROWS.sealed = ?
    AND (EXISTS (SELECT 1 FROM vault_gates WHERE vault_gates.vault_id = ? AND vault_gates.gate = ? LOCK IN SHARE MODE))
    <- vault_id id sealed vault_id gate
gates.insert: INSERT INTO vault_gates (vault_id, gate) VALUES (?, ?) <- vault_id gate
auth_sessions.check: SELECT auth_sessions.id, auth_sessions.user_id, auth_sessions.kind, auth_sessions.auth_epoch, auth_sessions.aal,
    auth_sessions.auth_at, auth_sessions.created_at, auth_sessions.expires_at, auth_sessions.mac, users.id AS id_1, users.address_index,
    users.`role`, users.status, users.auth_epoch AS auth_epoch_1, users.key_epoch, users.created_at AS created_at_1, users.mac AS mac_1
    FROM auth_sessions INNER JOIN users ON users.id = auth_sessions.user_id
    WHERE auth_sessions.id = ? AND auth_sessions.user_id = ? AND auth_sessions.ended_at IS NULL <- session_id user_id
"""


def read(golden: str) -> dict[str, tuple[str, list[str]]]:
    """By name: the text in one line, and the names of its parameters."""
    found = {}
    for entry in re.split(r"\n(?=\S)", golden.strip()):
        name, _, rest = entry.partition(": ")
        sql, _, params = rest.partition("<-")
        found[name] = " ".join(sql.split()), params.split()
    return found


GOLDEN = {"sqlite": read(ON_SQLITE), "postgresql": read(ON_POSTGRESQL), "mysql": read(ON_SQLITE) | read(ON_MYSQL)}

ALONE = [value for value in vars(tables).values() if isinstance(value, Statement)] + [SESSION_CHECK]
OF_ROWS = [field.name for field in fields(RowStatements) if field.name != "find"]


def compiled(statement: Statement, dialect: str) -> tuple[str, list[str]]:
    """Text in one line, and the parameters in the order of the driver."""
    found = statement.on(dialect)
    return " ".join(found.sql.split()), [str(value) for value in found.arrange(NAMED)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("statement", ALONE, ids=lambda statement: statement.name)
def test_a_statement_reads_as_it_always_did(statement: Statement, dialect: str) -> None:
    sql, names = GOLDEN[dialect][statement.name]
    assert compiled(statement, dialect) == (sql, names)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("verb", OF_ROWS)
def test_a_statement_on_rows_reads_as_it_always_did(verb: str, dialect: str) -> None:
    sql, names = GOLDEN[dialect][verb]
    for table, statements in ROWS.items():
        assert compiled(getattr(statements, verb), dialect) == (sql.replace("ROWS", table), names)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("size", IN_SIZES)
def test_finding_several_rows_reads_as_it_always_did(size: int, dialect: str) -> None:
    is_numbered = dialect == "postgresql"
    marks = ", ".join(f"${number}" if is_numbered else "?" for number in range(2, size + 2))
    vault = "$1::BYTEA" if is_numbered else "?"
    sql = f"SELECT ROWS.id, ROWS.sealed, ROWS.tag FROM ROWS WHERE ROWS.vault_id = {vault} AND ROWS.id IN ({marks})"  # noqa: S608
    for table, statements in ROWS.items():
        names = ["vault_id", *(f"id{number}" for number in range(size))]
        assert compiled(statements.find[size], dialect) == (sql.replace("ROWS", table), names)


def test_every_statement_of_the_vault_is_among_them() -> None:
    names = {statement.name for statement in ALONE} | set(OF_ROWS)
    assert all(golden.keys() == names for golden in GOLDEN.values())


# ── the compiler's own promises ──────────────────────────────────────────────────────────────────────────────────────


def run(statement: Statement, params: Mapping[str, Value]) -> tuple[Value, ...]:
    found = statement.on("sqlite")
    with closing(sqlite3.connect(":memory:")) as connection:
        row: tuple[Value, ...] = connection.execute(found.sql, found.arrange(params)).fetchone()
    return row


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a, :b", (1, 2)),
        ("SELECT :b, :a", (2, 1)),
        ("SELECT :b, :a, :b", (2, 1, 2)),
        ("SELECT :a", (1,)),
        ("SELECT 7", (7,)),
    ],
)
def test_parameters_go_where_their_names_stand(sql: str, expected: tuple[int, ...]) -> None:
    assert run(Statement("select", text(sql)), {"a": 1, "b": 2, "unused": 3}) == expected


def test_a_fixed_value_is_kept_also_when_it_is_nothing() -> None:
    clause = text("SELECT :fixed, :nothing, :given").bindparams(fixed=5, nothing=None)
    assert run(Statement("select", clause), {"given": 1}) == (5, None, 1)


def test_a_parameter_left_out_is_an_error_and_never_a_null() -> None:
    for sql in ("SELECT :a", "SELECT :a, :b"):
        with pytest.raises(KeyError):
            run(Statement("select", text(sql)), {"b": 2})
    with pytest.raises(KeyError):
        run(Statement("select", text("SELECT :a, :fixed").bindparams(fixed=1)), {})


def test_an_engine_can_have_a_clause_of_its_own_and_each_is_compiled_once() -> None:
    statement = Statement("select", text("SELECT 1"), mysql=text("SELECT 2"))
    assert [statement.on(dialect).sql for dialect in DIALECTS] == ["SELECT 1", "SELECT 1", "SELECT 2"]
    assert all(statement.on(dialect) is statement.on(dialect) for dialect in DIALECTS)
