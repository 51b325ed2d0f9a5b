"""Proving a password, the same way at login, at step-up and before a new password: count, look up, verify, tell.

An unknown or disabled account costs the same time as a wrong password, and has the same answer.
"""

from timos.kernel.errors import StepUpError, UnauthenticatedError
from timos.platform.accounts.account import Account, Status
from timos.platform.accounts.accounts import Accounts
from timos.platform.addresses import canonical
from timos.platform.audit import Audit, Event
from timos.platform.auth.limits import Limits
from timos.platform.auth.passwords import Passwords
from timos.platform.sealer import Sealer


class Proof:
    """Verifies passwords under the limits."""

    def __init__(self, accounts: Accounts, passwords: Passwords, limits: Limits, sealer: Sealer, audit: Audit) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._limits = limits
        self._sealer = sealer
        self._audit = audit

    async def by_address(self, address: str, password: str, client_address: str) -> Account:
        """Raises:
        UnauthenticatedError: address or password is not right, or the account is disabled.
        LimitError, UnavailableError, InputError (not an address), DecryptionError (a tampered row).
        """
        index = self._sealer.address_index(canonical(address))
        is_last = await self._limits.password(index, client_address)  # counted before the hash, known account or not
        account = await self._accounts.by_index(index)
        proved = await self._proved(account, password, client_address)
        if proved is None:
            await self._tell(Event.LOGIN_FAILED, account, is_last=is_last)
            raise UnauthenticatedError("The address or the password is not right.")
        return proved

    async def by_user(self, user_id: bytes, password: str, client_address: str) -> Account:
        """Raises:
        StepUpError: the password is not right.
        NotFoundError, LimitError, UnavailableError, DecryptionError.
        """
        account = await self._accounts.by_id(user_id)
        is_last = await self._limits.password(account.address_index, client_address)
        proved = await self._proved(account, password, client_address)
        if proved is None:
            await self._tell(Event.STEPUP_FAILED, account, is_last=is_last)
            raise StepUpError("The password is not right.")
        return proved

    async def _proved(self, account: Account | None, password: str, client_address: str) -> Account | None:
        if account is None or account.status is not Status.ACTIVE:
            await self._passwords.verify(b"", None, password)  # the time a real one takes
            return None
        known_hash = await self._accounts.password_hash(account)
        if not await self._passwords.verify(account.id, known_hash, password):
            return None
        await self._limits.password_proved(account.address_index, client_address)
        if self._passwords.is_outdated(known_hash):
            await self._accounts.rehash(account, known_hash, await self._passwords.hash(account.id, password))
        return account

    async def _tell(self, failed: Event, account: Account | None, *, is_last: bool) -> None:
        user_id = account.id if account else None
        await self._audit.record(failed, user_id)
        if is_last:
            await self._audit.record(Event.LOGIN_THROTTLED, user_id)
