"""What lies in a database, table by table: read in slices in the order of the key, written, and digested in one form for all engines.

- A slice is at most `SLICE_ROWS` rows and, but for a single larger one, `SLICE_BYTES`: that is all that is ever in memory.
- The order is that of the bytes on every engine, so that equal tables have equal digests.
- Tables, columns and keys are read from the live database, not from this program's models: a backup may be of an older schema.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from timos.kernel.db.port import Dialect, Row, Value
from timos.kernel.db.session import Session, transaction
from timos.kernel.errors import DatabaseError

SLICE_ROWS: Final = 1000
SLICE_BYTES: Final = 1024 * 1024  # MariaDB takes 16 MiB in one statement unless it is told otherwise
INSERT_SIZES: Final = (64, 8, 1)  # rows in one statement: few texts, each prepared once
VERSION_TABLE: Final = "alembic_version"

Kind = Literal["bytes", "number", "text"]
Told = Callable[[int], None]  # rows so far

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("bytea", "binary", "blob", "mediumblob"), "bytes"),
    **dict.fromkeys(("integer", "bigint", "int"), "number"),
    **dict.fromkeys(("text", "varchar", "character varying"), "text"),
}
_SQLITE: Final = (
    "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
)
_SERVER: Final = (
    "SELECT c.table_name, c.column_name, c.data_type, coalesce(k.ordinal_position, 0) FROM information_schema.columns AS c"
    " JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name"
    " LEFT JOIN information_schema.table_constraints AS p ON p.table_schema = c.table_schema AND p.table_name = c.table_name"
    " AND p.constraint_type = 'PRIMARY KEY'"
    " LEFT JOIN information_schema.key_column_usage AS k ON k.table_schema = c.table_schema AND k.table_name = c.table_name"
    " AND k.constraint_name = p.constraint_name AND k.column_name = c.column_name"
    " WHERE t.table_type = 'BASE TABLE' AND c.table_schema = "
)
_LAYOUTS: Final[dict[Dialect, str]] = {
    "sqlite": _SQLITE,
    "postgresql": _SERVER + "current_schema()",
    "mysql": _SERVER + "database()",
}


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """Of what kind its values are, whatever the engine calls it."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """Columns by name; the key in its own order."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]

    def key_of(self, row: Row) -> Row:
        return tuple(row[self.columns.index(column)] for column in self.key)


@dataclass(frozen=True, slots=True)
class Digest:
    """Two tables with equal ones hold the same rows."""

    rows: int
    sha256: str


async def tables(session: Session) -> list[Table]:
    """All but Alembic's own.

    Raises:
        DatabaseError: there is a table that this program did not make: without a key, or with a type that it does not use.
    """
    found: dict[str, list[tuple[Column, int]]] = {}
    for table, name, kind, place in await session.fetch(_LAYOUTS[session.dialect]):
        if _word(table) == VERSION_TABLE:
            continue
        word = _word(kind).partition("(")[0].lower()
        if word not in _KINDS:
            raise DatabaseError
        found.setdefault(_word(table), []).append((Column(_word(name), _KINDS[word]), int(place or 0)))
    return sorted(_table(name, columns) for name, columns in found.items())


def _table(name: str, columns: list[tuple[Column, int]]) -> Table:
    key = tuple(column for column, place in sorted(columns, key=lambda each: each[1]) if place)
    if not key:
        raise DatabaseError
    return Table(name, tuple(sorted(column for column, _ in columns)), key)


async def count(session: Session, table: Table) -> int:
    """Rows."""
    return int((await session.fetch(f"SELECT count(*) FROM {_quoted(session.dialect, table.name)}"))[0][0] or 0)  # noqa: S608 (names come from the schema)


async def clear(session: Session, table: Table) -> None:
    """Every row."""
    async with transaction(session):
        await session.run(f"DELETE FROM {_quoted(session.dialect, table.name)}")  # noqa: S608 (likewise)


async def copy(source: Session, target: Session, table: Table, *, told: Told) -> None:
    """Goes on after the last row that the target has: rows come in the order of the key, each slice in a transaction of its own.

    Raises:
        UniqueError: the target has rows that are not the source's.
    """
    done = await count(target, table)
    told(done)
    async for rows in slices(source, table, await _last(target, table) if done else None):
        async with transaction(target):
            await insert(target, table, rows)
        done += len(rows)
        told(done)


async def digest(session: Session, table: Table, *, told: Told) -> Digest:
    """Over the bytes of every column, in the order of the key."""
    hashed, done = hashlib.sha256(), 0
    async for rows in slices(session, table):
        for row in rows:
            for value in row:
                hashed.update(_canonical(value))
        done += len(rows)
        told(done)
    return Digest(done, hashed.hexdigest())


async def slices(session: Session, table: Table, after: Row | None = None) -> AsyncIterator[list[Row]]:
    """Rows with a larger key than `after`; their values in the order of `table.columns`. Open a reading transaction around it."""
    dialect = session.dialect
    sizes = " + ".join(f"coalesce(length({_quoted(dialect, each.name)}), 0)" for each in table.columns if each.kind != "number") or "0"
    columns = ", ".join(_read(dialect, each) for each in table.columns)
    while True:
        fitting = _fitting(await session.fetch(*_select(dialect, table, sizes, after, SLICE_ROWS)))
        if not fitting:
            return
        rows = [_typed(table, row) for row in await session.fetch(*_select(dialect, table, columns, after, fitting))]
        yield rows
        after = table.key_of(rows[-1])


async def insert(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Raises:
    UniqueError: one is there already.
    """
    for group in _groups(rows):
        await session.run(_insert(session.dialect, table, len(group)), [value for row in group for value in row])


async def _last(session: Session, table: Table) -> Row:
    dialect = session.dialect
    names = ", ".join(_read(dialect, column) for column in table.key)
    order = ", ".join(f"{_ordered(dialect, column)} DESC" for column in table.key)
    row = (await session.fetch(f"SELECT {names} FROM {_quoted(dialect, table.name)} ORDER BY {order} LIMIT 1"))[0]  # noqa: S608 (likewise)
    return tuple(_value(column, value) for column, value in zip(table.key, row, strict=True))


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _quoted(dialect: Dialect, name: str) -> str:
    return f"`{name}`" if dialect == "mysql" else f'"{name}"'


def _marks(dialect: Dialect, number: int, *, first: int = 1) -> list[str]:
    return [f"${first + each}" if dialect == "postgresql" else "?" for each in range(number)]


def _read(dialect: Dialect, column: Column) -> str:
    """SQLite keeps whatever somebody put there: a text among bytes is read as its bytes."""
    name = _quoted(dialect, column.name)
    return f"CAST({name} AS BLOB)" if dialect == "sqlite" and column.kind == "bytes" else name


def _ordered(dialect: Dialect, column: Column) -> str:
    """PostgreSQL orders texts as the language of the database does; the other two, as TimOS makes them, by their bytes."""
    return _quoted(dialect, column.name) + (' COLLATE "C"' if dialect == "postgresql" and column.kind == "text" else "")


def _select(dialect: Dialect, table: Table, what: str, after: Row | None, limit: int) -> tuple[str, list[Value]]:
    order = [_ordered(dialect, column) for column in table.key]
    where, arguments = _after(dialect, order, after) if after is not None else ("", [])
    (mark,) = _marks(dialect, 1, first=len(arguments) + 1)
    text = f"SELECT {what} FROM {_quoted(dialect, table.name)}{where} ORDER BY {', '.join(order)} LIMIT {mark}"  # noqa: S608 (likewise)
    return text, [*arguments, limit]


def _after(dialect: Dialect, order: list[str], after: Row) -> tuple[str, list[Value]]:
    """MariaDB uses no index for a comparison of rows: there it is spelt out, `a > ? OR a = ? AND b > ?`."""
    if dialect != "mysql":
        return f" WHERE ({', '.join(order)}) > ({', '.join(_marks(dialect, len(order)))})", list(after)
    terms = [" AND ".join([*(f"{name} = ?" for name in order[:place]), f"{order[place]} > ?"]) for place in range(len(order))]
    return f" WHERE {' OR '.join(terms)}", [value for place in range(len(order)) for value in after[: place + 1]]


def _insert(dialect: Dialect, table: Table, number: int) -> str:
    """On SQLite under a rowid by chance: one in order of insertion would tell the rows of before from those that came later."""
    names = [_quoted(dialect, column.name) for column in table.columns]
    own, value = ("rowid, ", "random() & 9223372036854775807, ") if dialect == "sqlite" and not _is_rowid(table) else ("", "")
    width = len(names)
    rows = (f"({value}{', '.join(_marks(dialect, width, first=row * width + 1))})" for row in range(number))
    return f"INSERT INTO {_quoted(dialect, table.name)} ({own}{', '.join(names)}) VALUES {', '.join(rows)}"  # noqa: S608 (likewise)


def _is_rowid(table: Table) -> bool:
    """A single number as the key is the rowid itself."""
    return len(table.key) == 1 and table.key[0].kind == "number"


def _groups(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    at = 0
    while at < len(rows):
        size = next(size for size in INSERT_SIZES if size <= len(rows) - at)
        yield rows[at : at + size]
        at += size


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fitting(sizes: list[Row]) -> int:
    """How many of them are a slice: at least one."""
    total = 0
    for number, (size,) in enumerate(sizes):
        total += int(size or 0)
        if total > SLICE_BYTES and number:
            return number
    return len(sizes)


def _typed(table: Table, row: Row) -> Row:
    return tuple(_value(column, value) for column, value in zip(table.columns, row, strict=True))


def _value(column: Column, value: Value) -> Value:
    return value.decode("utf-8", "replace") if column.kind == "text" and isinstance(value, bytes) else value


def _canonical(value: Value) -> bytes:
    """Kind, length, bytes: no two rows have one form."""
    if value is None:
        return b"-"
    kind, content = (
        (b"b", value) if isinstance(value, bytes) else (b"t", value.encode()) if isinstance(value, str) else (b"n", b"%d" % value)
    )
    return kind + len(content).to_bytes(8, "big") + content


def _word(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
