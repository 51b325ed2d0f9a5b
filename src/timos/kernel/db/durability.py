"""Whether the engine, as it is set up now, keeps what it acknowledged when the power goes; read from the live database."""

from typing import Final

from sqlalchemy import text

from timos.kernel.db.port import Database, Value
from timos.kernel.db.statements import Statement

_SQLITE: Final = text(
    "SELECT 'synchronous', synchronous FROM pragma_synchronous UNION ALL SELECT 'journal_mode', journal_mode FROM pragma_journal_mode"
)
_POSTGRESQL: Final = text("SELECT name, setting FROM pg_settings WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes')")
_MYSQL: Final = text(
    "SELECT 'innodb_flush_log_at_trx_commit', @@innodb_flush_log_at_trx_commit"
    " UNION ALL SELECT 'sync_binlog', if(@@log_bin, @@sync_binlog, 1) UNION ALL SELECT 'innodb_doublewrite', @@innodb_doublewrite"
)
_SETTINGS: Final = Statement("durability", _SQLITE, postgresql=_POSTGRESQL, mysql=_MYSQL)

# What may be there; anything else loses writes, or whole pages. PostgreSQL's `local` and `remote_write` wait for the own disk.
_SAFE: Final[dict[str, set[str]]] = {
    "synchronous": {"2", "3"},  # FULL, EXTRA
    "journal_mode": {"wal", "delete"},
    "synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "innodb_flush_log_at_trx_commit": {"1"},
    "sync_binlog": {"1"},
    "innodb_doublewrite": {"1", "ON", "DETECT_AND_RECOVER"},
}


async def weaknesses(database: Database) -> list[str]:
    """Settings, as `name=value`, with which acknowledged writes can be lost; empty when all is well.

    Raises:
        DatabaseError: it does not answer.
    """
    found = {str(name): _word(value) for name, value in await database.fetch(_SETTINGS, {})}
    return [f"{name}={value}" for name, value in found.items() if value not in _SAFE[name]]


def _word(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
