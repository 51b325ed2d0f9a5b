"""New tokens for old ones."""

from typing import Final

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Row, Value
from timos.kernel.errors import UnauthenticatedError
from timos.platform.audit import Event
from timos.platform.auth.limits import Limits
from timos.platform.auth.sessions import session_rows
from timos.platform.auth.sessions.session import IDLE_MS, Kind, Stored
from timos.platform.auth.sessions.session_rows import REFRESHING_AT, SessionRows
from timos.platform.auth.tokens import Refresh, Tokens, refresh_of
from timos.platform.rows import number
from timos.platform.sealer import Sealer

OVERLAP_MS: Final = 30_000  # how long a predecessor still gets its successor


class Refreshing:
    """Takes a refresh token for its successor, once."""

    def __init__(self, database: Database, rows: SessionRows, tokens: Tokens, limits: Limits, clock: Clock) -> None:
        self._database = database
        self._rows = rows
        self._tokens = tokens
        self._limits = limits
        self._clock = clock

    async def successor(self, refresh_token: str, *, kind: Kind) -> tuple[Stored, Refresh]:
        """The session that the token belongs to, and the token to go on with. Raises as `Sessions.refresh`."""
        token = self._tokens.parse_refresh(refresh_token)
        stored, _ = await self._load(token)
        if stored.session.kind != kind:  # a cookie's token must not be read out of a JSON answer, nor the other way round
            raise UnauthenticatedError
        await self._limits.refresh(token.session_id)
        successor = self._tokens.new_refresh(token.session_id, stored.account.id, stored.session.kind, stored.auth_epoch)
        if not await self._rotate(token, successor):
            successor = await self._repeated(token)
        return stored, successor

    async def _load(self, token: Refresh) -> tuple[Stored, Row]:
        """The living session that an authentic refresh token belongs to, and what is stored about its refreshing."""
        rows = await self._database.fetch(session_rows.LOAD, {"session_id": token.session_id})
        if not rows:
            raise UnauthenticatedError
        stored = await self._rows.verified(rows[0])
        self._tokens.check_refresh(token, stored.account.id, stored.session.kind, stored.auth_epoch)
        if not stored.is_alive(self._clock.now_ms()):
            raise UnauthenticatedError
        last_seen_at, *refreshing = rows[0][REFRESHING_AT:]
        if number(last_seen_at) + IDLE_MS <= self._clock.now_ms():
            raise UnauthenticatedError
        return stored, tuple(refreshing)

    async def _rotate(self, token: Refresh, successor: Refresh) -> bool:
        now = self._clock.now_ms()
        params: dict[str, Value] = {
            "session_id": token.session_id,
            "known_hash": token.hash,
            "last_seen_at": now,
            "refresh_hash": successor.hash,
            "previous_hash": token.hash,
            "successor": Sealer.seal_successor(token.secret, token.session_id, successor.raw),
            "successor_until": now + OVERLAP_MS,
        }
        async with self._database.transaction() as tx:
            await tx.run(session_rows.WIPE, {"now": now})
            return await tx.run(session_rows.ROTATE, params) == 1

    async def _repeated(self, token: Refresh) -> Refresh:
        """The successor that the direct predecessor got already; for any older token, the end of the session."""
        stored, (previous, successor, until) = await self._load(token)
        is_direct = previous == token.hash and isinstance(until, int) and self._clock.now_ms() < until
        if is_direct and isinstance(successor, bytes):
            return refresh_of(Sealer.open_successor(token.secret, token.session_id, successor))
        async with self._database.transaction() as tx:
            await self._rows.end(tx, stored.account.id, token.session_id, Event.SESSION_REUSED, now_ms=self._clock.now_ms())
        raise UnauthenticatedError
