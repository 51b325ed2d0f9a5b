"""The front door of the platform: signing in and out, the check of every request, a new password."""

from typing import Final

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Transaction, Value
from timos.kernel.errors import NotFoundError, UnauthenticatedError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.platform.accounts.account import Account, NewAccount, Profile
from timos.platform.accounts.accounts import Accounts
from timos.platform.audit import Audit, Event
from timos.platform.auth.limits import Limits
from timos.platform.auth.proof import Proof
from timos.platform.auth.sessions import session_rows
from timos.platform.auth.sessions.listing import SessionView, living, view
from timos.platform.auth.sessions.refreshing import Refreshing
from timos.platform.auth.sessions.session import ABSOLUTE_MS, Kind, NewSession, Session, SignIn, Stored
from timos.platform.auth.sessions.session_rows import SessionRows
from timos.platform.auth.tokens import Refresh, Tokens
from timos.platform.keyring import Keyring
from timos.platform.rows import blob
from timos.platform.sealer import Columns, Sealer

MOST_PER_USER: Final = 50
PASSWORD_ALONE: Final = 1  # authenticator assurance level, NIST SP 800-63B-4 section 2.1


class Sessions:
    """The front door of the platform."""

    def __init__(  # noqa: PLR0913, PLR0917 (the front door knows every part)
        self,
        database: Database,
        accounts: Accounts,
        keyring: Keyring,
        sealer: Sealer,
        tokens: Tokens,
        limits: Limits,
        proof: Proof,
        audit: Audit,
        clock: Clock,
        random: Randomness,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._keyring = keyring
        self._rows = SessionRows(accounts, sealer, audit)
        self._tokens = tokens
        self._refreshing = Refreshing(database, self._rows, tokens, limits, clock)
        self._proof = proof
        self._audit = audit
        self._clock = clock
        self._random = random

    async def login(self, address: str, password: str, *, kind: Kind, device: str, client_address: str) -> SignIn:
        """Raises:
        UnauthenticatedError: address or password is not right, or the account is disabled.
        InputError: not an address.
        LimitError: too many attempts.
        UnavailableError: the password pool, the key service or the database cannot take it now.
        """
        account = await self._proof.by_address(address, password, client_address)
        profile = await self._accounts.profile(account.id)
        columns = await self._accounts.columns(account.id)
        begun = self._begin(account, profile, columns, kind=kind, device=device, client_address=client_address)
        async with self._database.transaction() as tx:
            await self._make_room(tx, account)
            await self.insert(tx, begun)
            await self._audit.write(tx, Event.LOGIN_SUCCEEDED, account.id)
        return begun.sign_in

    def begin(self, new: NewAccount, *, kind: Kind, device: str, client_address: str) -> NewSession:
        """The first session of an account that is being made; `insert` it in the same transaction."""
        return self._begin(new.account, new.profile, new.columns, kind=kind, device=device, client_address=client_address)

    async def insert(self, tx: Transaction, new: NewSession) -> None:
        await tx.run(session_rows.WIPE, {"now": self._clock.now_ms()})
        await tx.run(session_rows.INSERT, new.row)
        await self._audit.write(tx, Event.SESSION_STARTED, new.sign_in.session.user_id)

    async def check(self, access_token: str) -> Session:
        """For every request.

        Raises:
            UnauthenticatedError: the token is not ours or too old, or its session is over, for whatever cause.
            DecryptionError: the stored session or account was tampered with.
        """
        access = self._tokens.verify_access(access_token)
        rows = await self._database.fetch(session_rows.SESSION_CHECK, {"session_id": access.session_id, "user_id": access.user_id})
        if not rows:
            self._rows.forget(access.session_id)
            raise UnauthenticatedError
        stored = await self._rows.judged(rows[0])
        if access.auth_epoch != stored.auth_epoch:  # from before a new password
            raise UnauthenticatedError
        if not stored.is_alive(self._clock.now_ms()):
            raise UnauthenticatedError
        return stored.session

    async def refresh(self, refresh_token: str, *, kind: Kind) -> SignIn:
        """New tokens for old ones; `kind` is how the token came, and must be the kind of its session.

        Raises:
            UnauthenticatedError: forged, used, or the session is over.
            LimitError: this session refreshes too often.
        """
        stored, successor = await self._refreshing.successor(refresh_token, kind=kind)
        return self._signed_in(stored, await self._accounts.profile(stored.account.id), successor)

    async def logout(self, session: Session) -> None:
        await self.revoke(session.user_id, session.id)
        self._keyring.drop(session.user_id)

    async def list(self, session: Session) -> list[SessionView]:
        """The living sessions of the user, the one seen last first."""
        account = await self._accounts.by_id(session.user_id)
        columns = await self._accounts.columns(account.id)
        return [view(row, columns, session.id) for row in await living(self._database, account, self._clock.now_ms())]

    async def revoke(self, user_id: bytes, session_id: bytes) -> None:
        """Raises:
        NotFoundError: no living session of that user.
        """
        async with self._database.transaction() as tx:
            if not await self._rows.end(tx, user_id, session_id, Event.SESSION_ENDED, now_ms=self._clock.now_ms()):
                raise NotFoundError

    async def revoke_others(self, session: Session) -> int:
        """Number of sessions ended."""
        async with self._database.transaction() as tx:
            return await self._end_others(tx, session)

    async def void_all(self) -> None:
        """After a restore: sessions and one-time tokens of an older day must not come back to life."""
        async with self._database.transaction() as tx:
            await tx.run(session_rows.VOID, {})
            await tx.run(session_rows.VOID_TOKENS, {})

    async def purge(self, tx: Transaction, user_id: bytes) -> int:
        """Delete every session of an account that is being erased; number of rows."""
        return await tx.run(session_rows.PURGE, {"user_id": user_id})

    async def change_password(self, session: Session, current: str, new: str, client_address: str) -> SignIn:
        """Every other session dies; this one goes on with new tokens.

        Raises:
            StepUpError: `current` is not right.
            InputError: `new` cannot be accepted (at `$.new_password`).
            LimitError: too many attempts.
        """
        known = await self._proof.by_user(session.user_id, current, client_address)
        profile = await self._accounts.profile(known.id)
        password_hash = await self._accounts.hash_password(profile, new, path="$.new_password")
        rows = await self._database.fetch(session_rows.SESSION_CHECK, {"session_id": session.id, "user_id": session.user_id})
        if not rows:
            raise UnauthenticatedError
        stored = await self._rows.verified(rows[0])
        async with self._database.transaction() as tx:
            account = await self._accounts.set_password(tx, known, password_hash)
            sign_in = await self._renew(tx, stored, account, profile)
            await self._end_others(tx, session)
            await tx.run(session_rows.DROP_TOKENS, {"session_id": session.id})
        return sign_in

    def _begin(self, account: Account, profile: Profile, columns: Columns, *, kind: Kind, device: str, client_address: str) -> NewSession:
        now = self._clock.now_ms()
        session = Session(self._random(ID_BYTES), account.id, kind, account.key_epoch, now, PASSWORD_ALONE, account.role)
        stored = Stored(session, account, account.auth_epoch, now, now + ABSOLUTE_MS)
        token = self._tokens.new_refresh(session.id, account.id, kind, account.auth_epoch)
        row = {
            **self._rows.signed(stored),
            "last_seen_at": now,
            "ended_at": None,
            "device": columns.seal("auth_sessions", "device", device, session.id),
            "client_address": columns.seal("auth_sessions", "client_address", client_address, session.id),
            "refresh_hash": token.hash,
            "previous_hash": None,
            "successor": None,
            "successor_until": None,
        }
        return NewSession(self._signed_in(stored, profile, token), row)

    def _signed_in(self, stored: Stored, profile: Profile, refresh: Refresh) -> SignIn:
        access, csrf = self._tokens.mint_access(stored.access), self._tokens.csrf(stored.session.id)
        return SignIn(stored.session, profile, access, refresh.text, csrf)

    async def _renew(self, tx: Transaction, stored: Stored, account: Account, profile: Profile) -> SignIn:
        """The same session in a new epoch, proved just now."""
        now, old = self._clock.now_ms(), stored.session
        session = Session(old.id, old.user_id, old.kind, account.key_epoch, now, PASSWORD_ALONE, account.role)
        renewed = Stored(session, account, account.auth_epoch, stored.created_at_ms, stored.expires_at_ms)
        token = self._tokens.new_refresh(session.id, account.id, session.kind, account.auth_epoch)
        params = {**self._rows.signed(renewed), "session_id": session.id, "last_seen_at": now, "refresh_hash": token.hash}
        if await tx.run(session_rows.RENEW, params) != 1:  # ended in another window meanwhile
            raise UnauthenticatedError
        return self._signed_in(renewed, profile, token)

    async def _end_others(self, tx: Transaction, session: Session) -> int:
        params: dict[str, Value] = {"session_id": session.id, "user_id": session.user_id, "now": self._clock.now_ms()}
        ended = await tx.run(session_rows.END_OTHERS, params)
        if ended:
            await self._audit.write(tx, Event.SESSION_ENDED, session.user_id)
        return ended

    async def _make_room(self, tx: Transaction, account: Account) -> None:
        """The session unseen for longest makes place for the newest."""
        for row in (await living(tx, account, self._clock.now_ms()))[MOST_PER_USER - 1 :]:
            await self._rows.end(tx, account.id, blob(row[0]), Event.SESSION_ENDED, now_ms=self._clock.now_ms())
