"""A fresh proof of identity for one dangerous action: the password again, for a one-time token bound to session and action."""

from typing import Final, Literal

from sqlalchemy import bindparam, delete

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Transaction, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import StepUpError
from timos.kernel.ids import Randomness
from timos.platform.audit import Audit, Event
from timos.platform.auth import one_time
from timos.platform.auth.proof import Proof
from timos.platform.auth.sessions.session import Session
from timos.platform.tables import one_time_tokens

Action = Literal["erase", "export"]
TTL_SECONDS: Final = 600
PURPOSE = "stepup"

_CONSUME = Statement(
    "one_time_tokens.consume_stepup",
    delete(one_time_tokens).where(
        one_time_tokens.c.token_hash == bindparam("token_hash"),
        one_time_tokens.c.purpose == bindparam("purpose"),
        one_time_tokens.c.session_id == bindparam("session_id"),
        one_time_tokens.c.action == bindparam("action"),
        one_time_tokens.c.expires_at > bindparam("now"),
    ),
)


class StepUp:
    """Grants and consumes."""

    def __init__(self, database: Database, proof: Proof, audit: Audit, clock: Clock, random: Randomness) -> None:
        self._database = database
        self._proof = proof
        self._audit = audit
        self._clock = clock
        self._random = random

    async def grant(self, session: Session, password: str, action: Action, client_address: str) -> str:
        """A token for `TTL_SECONDS`.

        Raises:
            StepUpError: the password is not right.
            LimitError: as at login, on the same counters.
        """
        await self._proof.by_user(session.user_id, password, client_address)
        async with self._database.transaction() as tx:
            await self._audit.write(tx, Event.STEPUP_GRANTED, session.user_id)
            return await one_time.issue(
                tx, self._random, self._clock.now_ms(), purpose=PURPOSE, ttl_seconds=TTL_SECONDS, session_id=session.id, action=action
            )

    async def consume(self, tx: Transaction, session: Session, action: Action, token: str) -> None:
        """Once; the caller's transaction decides whether it counts as used.

        Raises:
            StepUpError: missing, used, expired, for another action or session.
        """
        params: dict[str, Value] = {"purpose": PURPOSE, "session_id": session.id, "action": action, "now": self._clock.now_ms()}
        token_hash = one_time.hash_of(token)
        if token_hash is None or await tx.run(_CONSUME, {**params, "token_hash": token_hash}) != 1:
            raise StepUpError
