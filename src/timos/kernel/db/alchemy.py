"""SQLAlchemy's own engine on a server: for migrations only, which Alembic writes for it."""

from sqlalchemy import NullPool
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from timos.kernel.db import tls
from timos.kernel.db.address import Server

CONNECT_SECONDS = 10


def engine(server: Server) -> AsyncEngine:
    """The same driver as the rest, without a time limit for a statement: an index over many rows takes as long as it takes."""
    if server.dialect == "postgresql":
        driver, place = "postgresql+asyncpg", {"host": server.socket or server.host, "port": server.port}
        options = {**place, "ssl": tls.context(server) or False, "timeout": CONNECT_SECONDS, "statement_cache_size": 0}
    else:
        driver, place = "mysql+asyncmy", {"unix_socket": server.socket} if server.socket else {"host": server.host, "port": server.port}
        options = {**place, "ssl": tls.context(server), "connect_timeout": CONNECT_SECONDS, "local_infile": False}
    url = URL.create(driver, username=server.user, password=server.password or None, database=server.database)
    return create_async_engine(url, poolclass=NullPool, connect_args=options)
