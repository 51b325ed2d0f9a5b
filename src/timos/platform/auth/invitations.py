"""Setup links and invitations: one-time tokens that let somebody make an account. Only their SHA-256 is stored."""

from enum import StrEnum

from sqlalchemy import bindparam, delete, select

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Transaction, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import RegistrationError
from timos.kernel.ids import Randomness
from timos.platform.auth import one_time
from timos.platform.rows import text
from timos.platform.tables import one_time_tokens

_REPLACE = Statement("one_time_tokens.replace", delete(one_time_tokens).where(one_time_tokens.c.purpose == bindparam("purpose")))
_MATCH = (
    one_time_tokens.c.token_hash == bindparam("token_hash"),
    one_time_tokens.c.purpose.in_([bindparam("setup"), bindparam("invite")]),
    one_time_tokens.c.expires_at > bindparam("now"),
)
_PURPOSE = Statement("one_time_tokens.invitation", select(one_time_tokens.c.purpose).where(*_MATCH))
_CONSUME = Statement("one_time_tokens.consume_invitation", delete(one_time_tokens).where(*_MATCH))


class Invitation(StrEnum):
    """`setup` makes the first account, which is the admin; `invite` makes a member."""

    SETUP = "setup"
    INVITE = "invite"


class Invitations:
    """Issues and consumes them."""

    def __init__(self, database: Database, clock: Clock, random: Randomness) -> None:
        self._database = database
        self._clock = clock
        self._random = random

    async def issue(self, purpose: Invitation, ttl_seconds: int) -> str:
        """The token's text, shown once. A new setup token makes the old one worthless; invitations stand side by side."""
        async with self._database.transaction() as tx:
            if purpose is Invitation.SETUP:
                await tx.run(_REPLACE, {"purpose": purpose.value})
            return await one_time.issue(tx, self._random, self._clock.now_ms(), purpose=purpose.value, ttl_seconds=ttl_seconds)

    async def consume(self, tx: Transaction, token: str) -> Invitation:
        """In the transaction that makes the account: both happen or neither.

        Raises:
            RegistrationError: unknown, used or expired.
        """
        token_hash = one_time.hash_of(token)
        if token_hash is None:
            raise RegistrationError
        params: dict[str, Value] = {
            "token_hash": token_hash,
            "now": self._clock.now_ms(),
            "setup": Invitation.SETUP.value,
            "invite": Invitation.INVITE.value,
        }
        found = await tx.fetch(_PURPOSE, params)
        if not found or await tx.run(_CONSUME, params) != 1:  # the delete decides: two at once, one wins
            raise RegistrationError
        return Invitation(text(found[0][0]))
