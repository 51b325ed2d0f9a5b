"""What the rest of TimOS sees of a database, whatever the engine."""

from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Protocol, Self

from timos.kernel.db.statements import Statement

Value = bytes | int | str | None
Row = tuple[Value, ...]
Dialect = Literal["sqlite", "postgresql", "mysql"]


class UniqueError(Exception):
    """A primary key or unique constraint refused the row. The transaction is not usable any more; leave it."""


class Transaction(Protocol):
    """All of it or nothing; acknowledged (the block left without an error) only once it is durable."""

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]: ...

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        """Number of rows hit.

        Raises:
            UniqueError: see there.
            DatabaseError: the engine refused or does not answer.
        """
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Database(Protocol):
    """One database, one engine. Never await anything slow (a password hash, a key service) inside a transaction."""

    dialect: Dialect
    share: int  # how many statements one piece of work (an import) may have under way, so that others get their turn

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        """Committed rows, outside any transaction."""
        ...

    def transaction(self) -> Transaction: ...

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        """A transaction of one statement, which must do no harm when it is made twice: where a server goes away nobody can know whether
        it was done. Cheaper there than a transaction: one question instead of three. Number of rows hit by the last try.

        Raises:
            As `Transaction.run`; it is durable when this returns.
        """
        ...

    async def scrub(self) -> None:
        """After deleting what must not be readable any more: no log of the engine's own keeps it, unless a reader is in the way for
        seconds (a backup); then it goes with the next scrub or close.
        """
        ...

    async def close(self) -> None: ...
