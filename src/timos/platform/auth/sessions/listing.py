"""Where a user is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass

from timos.kernel.db.port import Database, Row, Transaction, Value
from timos.platform.accounts.account import Account
from timos.platform.auth.sessions import session_rows
from timos.platform.auth.sessions.session import IDLE_MS
from timos.platform.rows import blob, number
from timos.platform.sealer import Columns


@dataclass(frozen=True, slots=True)
class SessionView:
    """What its user sees of a session."""

    id: bytes
    device: str
    client_address: str
    created_at_ms: int
    last_seen_ms: int
    is_current: bool


async def living(source: Database | Transaction, account: Account, now_ms: int) -> Sequence[Row]:
    """The living sessions of the user, the one seen last first."""
    params: dict[str, Value] = {
        "user_id": account.id,
        "auth_epoch": account.auth_epoch,
        "now": now_ms,
        "idle_since": now_ms - IDLE_MS,
    }
    return await source.fetch(session_rows.LIST, params)


def view(row: Row, columns: Columns, current: bytes) -> SessionView:
    """A row of `living`."""
    session_id, device, client_address, created_at, last_seen_at = row
    return SessionView(
        blob(session_id),
        columns.open("auth_sessions", "device", blob(device), session_id),
        columns.open("auth_sessions", "client_address", blob(client_address), session_id),
        number(created_at),
        number(last_seen_at),
        session_id == current,
    )
