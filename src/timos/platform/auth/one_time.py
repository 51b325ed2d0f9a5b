"""One-time tokens: 256 random bits, of which only the SHA-256 is stored; used by deleting the row."""

import hashlib

from sqlalchemy import bindparam, delete

from timos.kernel.db.port import Transaction
from timos.kernel.db.statements import Statement
from timos.kernel.ids import Randomness, bytes_of, text_of
from timos.platform.tables import one_time_tokens, whole_row

TOKEN_BYTES = 32

_ISSUE = Statement("one_time_tokens.issue", whole_row(one_time_tokens))
_EXPIRED = Statement("one_time_tokens.expired", delete(one_time_tokens).where(one_time_tokens.c.expires_at <= bindparam("now")))


async def issue(
    tx: Transaction,
    random: Randomness,
    now_ms: int,
    *,
    purpose: str,
    ttl_seconds: int,
    session_id: bytes | None = None,
    action: str | None = None,
) -> str:
    """Stores the hash and gives the text, which is to be shown once. Sweeps up expired tokens on the way."""
    token = random(TOKEN_BYTES)
    await tx.run(_EXPIRED, {"now": now_ms})
    await tx.run(
        _ISSUE,
        {
            "token_hash": hashlib.sha256(token).digest(),
            "purpose": purpose,
            "session_id": session_id,
            "action": action,
            "created_at": now_ms,
            "expires_at": now_ms + ttl_seconds * 1000,
        },
    )
    return text_of(token)


def hash_of(token: str) -> bytes | None:
    """What the row of a token is found by; None for a text that is no token."""
    value = bytes_of(token, TOKEN_BYTES)
    return None if value is None else hashlib.sha256(value).digest()
