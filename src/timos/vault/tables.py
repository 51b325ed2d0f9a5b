"""The vault's schema, generated from the collections, and the statements on it.

Every collection has the same four columns and nothing else in clear: no time, no order, no relation, no size.
Every key and index begins with `vault_id`, so that a vault can be moved, sharded and purged as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Integer,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from timos.kernel.db.statements import Statement
from timos.kernel.db.types import Blob, Id, metadata
from timos.kernel.ids import Randomness
from timos.vault.collections import COLLECTIONS
from timos.vault.record import Collection

METADATA = metadata()

SALT_AT: ColumnElement[int]
SALT_BYTES: ColumnElement[int]
SALT_AT, SALT_BYTES = literal_column("6"), literal_column("24")  # SQL counts from 1: format(1) version(4) salt(24), see crypto.cipher
IN_SIZES = (1, 4, 16, 32, 64, 400)  # an IN is padded to the next size: few statement texts, all of them compiled once
SCAN_ROWS = 200  # rows fetched at once by a scan: about 5 ms of opening
ROWID_VAULT_BYTES = 3  # tells ten million vaults apart, well enough to lie together; rows of one vault differ in the 38 bits behind


def _table(collection: Collection) -> Table:
    return Table(
        collection.name,
        METADATA,
        Column("vault_id", Id, nullable=False),
        Column("id", Id, nullable=False),
        Column("tag", Id, nullable=True),
        Column("sealed", Blob, nullable=False),
        PrimaryKeyConstraint("vault_id", "id"),
        # only where a tag is ever set: an index of nulls would cost every write
        *([UniqueConstraint("vault_id", "tag")] if collection.has_names else []),
    )


TABLES: Mapping[str, Table] = {collection.name: _table(collection) for collection in COLLECTIONS}

gates = Table(
    "vault_gates", METADATA, Column("vault_id", Id, nullable=False), Column("gate", Id, nullable=False), PrimaryKeyConstraint("vault_id")
)

meta = Table(
    "meta", METADATA, Column("name", String(64), nullable=False), Column("value", Blob, nullable=False), PrimaryKeyConstraint("name")
)

ledger = Table(
    "ledger",
    METADATA,
    Column("sequence", Integer, nullable=False, autoincrement=False),
    Column("line", Text, nullable=False),
    PrimaryKeyConstraint("sequence"),
)


def _gate_holds() -> ColumnElement[bool]:
    """Locked where writes go on side by side: a fence waits for the writes that saw the gate open, and so the purge after it sees their
    rows. SQLite has one writer and needs no lock.
    """
    return exists(
        select(literal_column("1"))
        .select_from(gates)
        .where(gates.c.vault_id == bindparam("vault_id"), gates.c.gate == bindparam("gate"))
        .with_for_update(read=True)
    )


def _place(rows: Table) -> ColumnElement[bool]:
    return and_(rows.c.vault_id == bindparam("vault_id"), rows.c.id == bindparam("id"))


def _unchanged(rows: Table) -> ColumnElement[bool]:
    return func.substr(rows.c.sealed, SALT_AT, SALT_BYTES) == bindparam("salt", type_=rows.c.sealed.type)


def _values(rows: Table) -> Select[tuple[bytes, bytes, bytes, bytes]]:
    """One row of parameters, there only if the gate holds: the write and its condition are one statement, the gate locked as above."""
    return (
        select(
            gates.c.vault_id,
            bindparam("id", type_=rows.c.id.type).label("id"),
            bindparam("tag", type_=rows.c.tag.type).label("tag"),
            bindparam("sealed", type_=rows.c.sealed.type).label("sealed"),
        )
        .where(gates.c.vault_id == bindparam("vault_id"), gates.c.gate == bindparam("gate"))
        .with_for_update(read=True)
    )


def rowid_in(vault_id: bytes, random: Randomness) -> int:
    """62 bits, the first of them those of the vault: its rows lie side by side in the file, in an order that tells nothing.

    One that is taken already (20,000 rows of one vault: one vault in a thousand) is a miss like any other, and is tried again.
    """
    return int.from_bytes(vault_id[:ROWID_VAULT_BYTES] + random(8 - ROWID_VAULT_BYTES), "big") >> 2


def _insert(rows: Table) -> Statement:
    names = ["vault_id", "id", "tag", "sealed"]
    # SQLite: without a rowid of our own, insertion order against the order of sign-up would join vaults to users
    with_rowid = table(rows.name, column("rowid"), *(column(name) for name in names))
    values = _values(rows)
    return Statement(
        f"{rows.name}.insert",
        insert(rows).from_select(names, values),
        sqlite=insert(with_rowid).from_select(
            ["rowid", *names], values.with_only_columns(bindparam("rowid", type_=Integer()).label("rowid"), *values.selected_columns)
        ),
    )


@dataclass(frozen=True, slots=True)
class RowStatements:
    """The statements of one collection's table."""

    get: Statement
    find: Mapping[int, Statement]  # by the size of the IN
    scan: Statement
    insert: Statement
    update: Statement
    delete: Statement
    discard: Statement
    named: Statement
    purge: Statement
    use: Statement

    @classmethod
    def on(cls, rows: Table) -> "RowStatements":
        mine = rows.c.vault_id == bindparam("vault_id")
        return cls(
            get=Statement(f"{rows.name}.get", select(rows.c.sealed, rows.c.tag).where(_place(rows))),
            find={
                size: Statement(
                    f"{rows.name}.find",
                    select(rows.c.id, rows.c.sealed, rows.c.tag).where(mine, rows.c.id.in_([bindparam(f"id{n}") for n in range(size)])),
                )
                for size in IN_SIZES
            },
            scan=Statement(
                f"{rows.name}.scan",
                select(rows.c.id, rows.c.sealed, rows.c.tag)
                .where(mine, rows.c.id > bindparam("after"))
                .order_by(rows.c.id)
                .limit(SCAN_ROWS),
            ),
            insert=_insert(rows),
            update=Statement(
                f"{rows.name}.update",
                update(rows).where(_place(rows), _unchanged(rows), _gate_holds()).values(sealed=bindparam("sealed"), tag=bindparam("tag")),
            ),
            delete=Statement(f"{rows.name}.delete", delete(rows).where(_place(rows), _unchanged(rows), _gate_holds())),
            # what does not open has no salt to go by, perhaps no bytes at all: compared whole
            discard=Statement(
                f"{rows.name}.discard",
                delete(rows).where(_place(rows), rows.c.sealed == bindparam("sealed", type_=rows.c.sealed.type), _gate_holds()),
            ),
            named=Statement(f"{rows.name}.named", select(rows.c.id).where(mine, rows.c.tag == bindparam("tag"))),
            purge=Statement(f"{rows.name}.purge", delete(rows).where(mine)),
            use=Statement(f"{rows.name}.use", select(func.count(), func.sum(func.length(rows.c.sealed))).select_from(rows).where(mine)),
        )


ROWS: Mapping[str, RowStatements] = {name: RowStatements.on(rows) for name, rows in TABLES.items()}

_gates_with_rowid = table("vault_gates", column("rowid"), column("vault_id"), column("gate"))
GATE_GET = Statement("gates.get", select(gates.c.gate).where(gates.c.vault_id == bindparam("vault_id")))
GATE_INSERT = Statement(
    "gates.insert",
    insert(gates).values(vault_id=bindparam("vault_id"), gate=bindparam("gate")),
    sqlite=insert(_gates_with_rowid).values(
        rowid=bindparam("rowid", type_=Integer()), vault_id=bindparam("vault_id"), gate=bindparam("gate")
    ),
)
GATE_SET = Statement("gates.set", update(gates).where(gates.c.vault_id == bindparam("vault")).values(gate=bindparam("value")))
GATE_DELETE = Statement("gates.delete", delete(gates).where(gates.c.vault_id == bindparam("vault_id")))
GATES_WITH = Statement("gates.with", select(gates.c.vault_id).where(gates.c.gate == bindparam("gate")))
GATES_COUNT = Statement("gates.count", select(func.count()).select_from(gates))

META_GET = Statement("meta.get", select(meta.c.value).where(meta.c.name == bindparam("name")))
META_INSERT = Statement("meta.insert", insert(meta).values(name=bindparam("name"), value=bindparam("value")))

LEDGER_INSERT = Statement("ledger.insert", insert(ledger).values(sequence=bindparam("sequence"), line=bindparam("line")))
LEDGER_ALL = Statement("ledger.all", select(ledger.c.sequence, ledger.c.line).order_by(ledger.c.sequence))
