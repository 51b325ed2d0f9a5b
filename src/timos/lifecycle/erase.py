"""Erasing an account: fence, shred, purge. Stopping anywhere is safe, and the next start finishes what was begun.

1. The account is marked: every session ends with its next request, and a restart knows whose erasure to finish.
2. Fence: the vault's gate becomes "erased"; from then on no write is acknowledged, so none is lost and none survives.
3. Shred: in one transaction of the platform the keys, sessions and the account go, and the ledger gets its entry. From here on
   the records cannot be opened by anybody, purged or not.
4. Purge: the rows go, the gate last. A fence without an account is a purge to finish; no job needs to remember the vault.

After 3 and 4 the database's own log is emptied: it keeps what was deleted otherwise.
"""

from contextlib import suppress
from dataclasses import dataclass

from timos.kernel.clock import instant
from timos.kernel.errors import ConflictError, DatabaseError, DecryptionError, NotFoundError, StartError, VaultLockedError
from timos.kernel.ids import ID_BYTES, text_of
from timos.lifecycle import ledgers
from timos.lifecycle.instance import Instance
from timos.platform.accounts.account import Account
from timos.platform.audit import Event
from timos.platform.ledger import Entry
from timos.vault import gates

NO_VAULT = bytes(ID_BYTES)
HORIZON = (
    "From this moment nothing of the account opens on this server. A backup of the keys made before can still open a backup of the "
    "vault made before, until its operator deletes either; restoring one with `timos backup restore` erases the account again."
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the user keeps. It names nobody."""

    receipt: str
    erased_at_ms: int
    ledger_sequence: int
    keys_destroyed: int
    rows: int
    horizon: str = HORIZON


async def erase(instance: Instance, user_id: bytes) -> Receipt:
    """Raises:
    NotFoundError: there is no such account (any more).
    """
    account = await instance.accounts.by_id(user_id)
    vault_id = await _vault_of(instance, account)  # before the mark: a key service that is down must not lock anybody out
    await instance.accounts.begin_erasure(account)
    async with instance.vault.transaction() as unit:
        await gates.fence(unit, vault_id)
    entry, destroyed = await _shred(instance, user_id, vault_id)
    instance.keyring.drop(user_id)
    await instance.platform.scrub()  # the write-ahead log would hold the wrapped keys until it is overwritten
    rows = await gates.purge(instance.vault, vault_id)
    await instance.vault.scrub()
    # a copy that cannot be written (a full disk) must not keep the receipt back; the next start makes it, or is refused and says why
    with suppress(StartError, DatabaseError):
        await ledgers.copy_out(instance)
    return Receipt(text_of(entry.hash), entry.at_ms, entry.sequence, destroyed, rows)


async def _vault_of(instance: Instance, account: Account) -> bytes:
    """NO_VAULT where the stored key does not open: nobody can name its rows then, nor ever read them; the rest is erased."""
    try:
        return (await instance.keyring.unlock(account.id, account.key_epoch)).vault_id
    except (DecryptionError, VaultLockedError):
        return NO_VAULT


async def finish_begun(instance: Instance) -> int:
    """At every start: erasures that a crash cut short. Returns how many there were."""
    begun = await instance.accounts.erasing()
    for user_id in begun:
        try:
            await erase(instance, user_id)
        except NotFoundError:
            continue
    fenced = await gates.fenced(instance.vault)
    for vault_id in fenced:
        await gates.purge(instance.vault, vault_id)
    if fenced:
        await instance.platform.scrub()
        await instance.vault.scrub()
    await ledgers.copy_out(instance)
    return len(begun) + len(fenced)


async def _shred(instance: Instance, user_id: bytes, vault_id: bytes) -> tuple[Entry, int]:
    while True:
        try:
            async with instance.platform.transaction() as tx:
                destroyed = await instance.keyring.shred(tx, user_id)
                await instance.sessions.purge(tx, user_id)
                if not await instance.accounts.delete(tx, user_id):  # another process erases it too, and was faster
                    raise NotFoundError
                entry = await instance.ledger.append(tx, user_id, vault_id, instance.clock.now_ms())
                await instance.audit.write(tx, Event.KEYS_SHREDDED, user_id)
                await instance.audit.write(tx, Event.ACCOUNT_ERASED, user_id)
        except ConflictError:  # another erasure took the sequence: again, behind it
            continue
        return entry, destroyed


def statement(receipt: Receipt) -> str:
    """The receipt in words."""
    at = instant(receipt.erased_at_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
    what = f"{receipt.keys_destroyed} keys destroyed, {receipt.rows} records deleted"
    return f"Erased at {at}: {what}, entry {receipt.ledger_sequence} of the ledger."
