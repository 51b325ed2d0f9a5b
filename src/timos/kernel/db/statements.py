"""A statement written once in SQLAlchemy Core, compiled once per engine, run on the driver itself.

Compiling costs hundreds of microseconds, running a compiled text a few: so statements are module constants, and all
columns use types that every driver takes and gives as they are (bytes, int, str): no processors in between.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy.sql.elements import ClauseElement


@cache
def _dialect(name: str) -> Any:  # Any: SQLAlchemy's dialect constructors are untyped
    """Imported only where it is used: each costs memory and time at every start."""
    match name:
        case "sqlite":
            from sqlalchemy.dialects.sqlite import dialect as sqlite  # noqa: PLC0415

            return sqlite(paramstyle="qmark")
        case "postgresql":
            from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql  # noqa: PLC0415

            return postgresql()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        case _:
            from sqlalchemy.dialects.mysql.asyncmy import dialect as mysql  # noqa: PLC0415

            return mysql(paramstyle="qmark")  # for the server to prepare


class Compiled:
    """The text for one engine, and how to put named parameters in the order it wants."""

    __slots__ = ("arrange", "sql")

    def __init__(self, sql: str, names: tuple[str, ...], fixed: Mapping[str, Any]) -> None:
        self.sql = sql
        self.arrange = _arranger(names, fixed)


class Statement:
    """`name` is for logs and query statistics; `variants` replaces the clause where one engine needs another."""

    __slots__ = ("_compiled", "clause", "name", "variants")

    def __init__(self, name: str, clause: ClauseElement, **variants: ClauseElement) -> None:
        self.name = name
        self.clause = clause
        self.variants = variants
        self._compiled: dict[str, Compiled] = {}

    def on(self, dialect: str) -> Compiled:
        """The compiled form for `sqlite`, `postgresql` or `mysql`; compiled at the first call, then kept."""
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = self._compile(dialect)
        return found

    def _compile(self, dialect: str) -> Compiled:
        clause = self.variants.get(dialect, self.clause)
        compiled: Any = clause.compile(dialect=_dialect(dialect))  # Any: positiontup lives on SQLCompiler only
        names = tuple(compiled.positiontup or ())
        # literal values (`column == 1`, `column=None`) become bound parameters with a value of their own
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        return Compiled(str(compiled), names, fixed)


def _arranger(names: tuple[str, ...], fixed: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if not names:
        return lambda _params: ()
    if any(name in fixed for name in names):
        return lambda params: tuple(params[name] if name in params else fixed[name] for name in names)
    if len(names) == 1:
        only = names[0]
        return lambda params: (params[only],)
    return itemgetter(*names)
