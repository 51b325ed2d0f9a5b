"""The sessions table: its statements, and reading a row so that a planted or edited one is refused.

The columns that decide (user, kind, epoch, level, times) carry a MAC, as do the account's columns joined to them. MACs cost
more than the look-up, so what was judged for a session is remembered with the row it was judged from, and holds only for an
identical row.
"""

from typing import Final

from sqlalchemy import bindparam, delete, null, select, update

from timos.kernel.db.port import Row, Transaction, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DecryptionError
from timos.platform.accounts.accounts import Accounts
from timos.platform.accounts.user_rows import ACCOUNT_COLUMNS
from timos.platform.audit import Audit, Event
from timos.platform.auth.sessions.session import Kind, Session, Stored
from timos.platform.rows import blob, number, text
from timos.platform.sealer import Sealer
from timos.platform.tables import auth_sessions, one_time_tokens, users, whole_row

REMEMBERED: Final = 10_000
_MAC_KIND = "auth_sessions"

_SIGNED = (
    auth_sessions.c.id,
    auth_sessions.c.user_id,
    auth_sessions.c.kind,
    auth_sessions.c.auth_epoch,
    auth_sessions.c.aal,
    auth_sessions.c.auth_at,
    auth_sessions.c.created_at,
    auth_sessions.c.expires_at,
    auth_sessions.c.mac,
)
_REFRESHING = (
    auth_sessions.c.last_seen_at,
    auth_sessions.c.previous_hash,
    auth_sessions.c.successor,
    auth_sessions.c.successor_until,
)
_ACCOUNT_AT = len(_SIGNED)
REFRESHING_AT = _ACCOUNT_AT + len(ACCOUNT_COLUMNS)
_JOINED = auth_sessions.join(users, users.c.id == auth_sessions.c.user_id)
_MINE = (auth_sessions.c.id == bindparam("session_id"), auth_sessions.c.user_id == bindparam("user_id"))
_LIVING = auth_sessions.c.ended_at.is_(None)
_ENDED: dict[str, object] = {"ended_at": bindparam("now"), "previous_hash": null(), "successor": null(), "successor_until": null()}
_ROTATED = ("last_seen_at", "refresh_hash", "previous_hash", "successor", "successor_until")
_RENEWED = ("auth_epoch", "aal", "auth_at", "mac", "last_seen_at", "refresh_hash")

SESSION_CHECK = Statement("auth_sessions.check", select(*_SIGNED, *ACCOUNT_COLUMNS).select_from(_JOINED).where(*_MINE, _LIVING))
LOAD = Statement(
    "auth_sessions.load",
    select(*_SIGNED, *ACCOUNT_COLUMNS, *_REFRESHING).select_from(_JOINED).where(auth_sessions.c.id == bindparam("session_id"), _LIVING),
)
INSERT = Statement("auth_sessions.insert", whole_row(auth_sessions))
ROTATE = Statement(
    "auth_sessions.rotate",
    update(auth_sessions)
    .where(auth_sessions.c.id == bindparam("session_id"), auth_sessions.c.refresh_hash == bindparam("known_hash"), _LIVING)
    .values({name: bindparam(name) for name in _ROTATED}),
)
WIPE = Statement(
    "auth_sessions.wipe",
    update(auth_sessions).where(auth_sessions.c.successor_until <= bindparam("now")).values(successor=null(), successor_until=null()),
)
RENEW = Statement(
    "auth_sessions.renew",
    update(auth_sessions)
    .where(*_MINE, _LIVING)
    .values({name: bindparam(name) for name in _RENEWED} | {"previous_hash": null(), "successor": null(), "successor_until": null()}),
)
END = Statement("auth_sessions.end", update(auth_sessions).where(*_MINE, _LIVING).values(_ENDED))
END_OTHERS = Statement(
    "auth_sessions.end_others",
    update(auth_sessions)
    .where(auth_sessions.c.user_id == bindparam("user_id"), auth_sessions.c.id != bindparam("session_id"), _LIVING)
    .values(_ENDED),
)
PURGE = Statement("auth_sessions.purge", delete(auth_sessions).where(auth_sessions.c.user_id == bindparam("user_id")))
VOID = Statement("auth_sessions.void", delete(auth_sessions))
VOID_TOKENS = Statement("one_time_tokens.void", delete(one_time_tokens))
DROP_TOKENS = Statement("one_time_tokens.drop", delete(one_time_tokens).where(one_time_tokens.c.session_id == bindparam("session_id")))
LIST = Statement(
    "auth_sessions.list",
    select(
        auth_sessions.c.id, auth_sessions.c.device, auth_sessions.c.client_address, auth_sessions.c.created_at, auth_sessions.c.last_seen_at
    )
    .where(
        auth_sessions.c.user_id == bindparam("user_id"),
        auth_sessions.c.auth_epoch == bindparam("auth_epoch"),
        auth_sessions.c.expires_at > bindparam("now"),
        auth_sessions.c.last_seen_at > bindparam("idle_since"),
        _LIVING,
    )
    .order_by(auth_sessions.c.last_seen_at.desc(), auth_sessions.c.id),
)


class SessionRows:
    """Signs, verifies and ends rows."""

    def __init__(self, accounts: Accounts, sealer: Sealer, audit: Audit) -> None:
        self._accounts = accounts
        self._sealer = sealer
        self._audit = audit
        self._judged: dict[bytes, tuple[Row, Stored]] = {}

    def signed(self, stored: Stored) -> dict[str, Value]:
        """The columns under the MAC, and the MAC."""
        session = stored.session
        columns: dict[str, Value] = {
            "id": session.id,
            "user_id": session.user_id,
            "kind": session.kind,
            "auth_epoch": stored.auth_epoch,
            "aal": session.aal,
            "auth_at": session.auth_time_ms,
            "created_at": stored.created_at_ms,
            "expires_at": stored.expires_at_ms,
        }
        return {**columns, "mac": self._sealer.mac(_MAC_KIND, *columns.values())}

    async def judged(self, row: Row) -> Stored:
        """`verified`, from memory for a row that did not change since."""
        session_id = blob(row[0])
        known = self._judged.get(session_id)
        if known is not None and known[0] == row:
            return known[1]
        stored = await self.verified(row)
        if len(self._judged) >= REMEMBERED:
            del self._judged[next(iter(self._judged))]
        self._judged[session_id] = (row, stored)
        return stored

    def forget(self, session_id: bytes) -> None:
        self._judged.pop(session_id, None)

    async def verified(self, row: Row) -> Stored:
        """A row of SESSION_CHECK or LOAD. Never inside a transaction: a refusal is audited in one of its own.

        Raises:
            DecryptionError: session or account was planted or edited.
        """
        account = await self._accounts.checked(row[_ACCOUNT_AT:REFRESHING_AT])
        *columns, mac = row[:_ACCOUNT_AT]
        try:
            self._sealer.check(mac, _MAC_KIND, *columns)
        except DecryptionError:
            await self._audit.record(Event.RECORD_UNREADABLE, account.id)
            raise
        session_id, _user_id, kind, auth_epoch, aal, auth_at, created_at, expires_at = columns
        session = Session(blob(session_id), account.id, _kind(kind), account.key_epoch, number(auth_at), number(aal), account.role)
        return Stored(session, account, number(auth_epoch), number(created_at), number(expires_at))

    async def end(self, tx: Transaction, user_id: bytes, session_id: bytes, event: Event, *, now_ms: int) -> bool:
        """Whether there was a living session of that user to end; `event` says why it ended."""
        ended = await tx.run(END, {"session_id": session_id, "user_id": user_id, "now": now_ms})
        if ended:
            await self._audit.write(tx, event, user_id)
        return ended > 0


def _kind(value: Value) -> Kind:
    match text(value):
        case "cookie":
            return "cookie"
        case "bearer":
            return "bearer"
        case _:
            raise DecryptionError
