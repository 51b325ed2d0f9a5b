"""A running instance: both databases, the keys, and the parts that work on them. The one place where the two halves meet as objects."""

import os
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from timos.crypto.kms.local import LocalKeys
from timos.crypto.passwords import Cost, PasswordPool
from timos.kernel.clock import Clock
from timos.kernel.db import durability
from timos.kernel.db.ballast import Ballast
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Database
from timos.kernel.errors import DatabaseError, StartError, UnavailableError
from timos.kernel.ids import Randomness
from timos.lifecycle.founding import claiming, founding
from timos.lifecycle.founding.pair import Founded
from timos.lifecycle.founding.places import Places
from timos.platform.accounts.accounts import Accounts
from timos.platform.audit import Audit, Event
from timos.platform.auth.invitations import Invitations
from timos.platform.auth.limits import AuthLimits, Limits
from timos.platform.auth.passwords import Passwords
from timos.platform.auth.proof import Proof
from timos.platform.auth.sessions.sessions import Sessions
from timos.platform.auth.stepup import StepUp
from timos.platform.auth.tokens import Tokens
from timos.platform.keyring import Keyring
from timos.platform.ledger import Ledger
from timos.platform.sealer import PlatformKeys, Sealer, renew_ring
from timos.vault import facts
from timos.vault.quota import Quota
from timos.vault.scans import Scans
from timos.vault.store.vault import Vault

SPARE_CORES = 1  # a password hash must never take the core that answers everybody else


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What an operator may tune."""

    password_cost: Cost = field(default_factory=Cost)
    limits: AuthLimits = field(default_factory=AuthLimits)
    issuer: str = "http://localhost:8000"
    must_last: bool = False  # refuse a database that may lose what it acknowledged


@dataclass(slots=True, kw_only=True)
class Instance:
    """Everything a story needs. Close it: a commit may be under way."""

    places: Places
    founded: Founded
    clock: Clock
    random: Randomness
    platform: Database
    vault: Database
    keys: LocalKeys
    keyring: Keyring
    accounts: Accounts
    passwords: PasswordPool
    sessions: Sessions
    tokens: Tokens
    step_up: StepUp
    invitations: Invitations
    limits: Limits
    audit: Audit
    ledger: Ledger
    scans: Scans
    quota: Quota
    ballast: Ballast
    claim: IO[str] | None = None
    must_last: bool = False

    async def open_vault(self, user_id: bytes, key_epoch: int) -> Vault:
        """The user's vault, unlocked.

        Raises:
            VaultLockedError, KeyUnavailableError
        """
        keys = self.keyring.cached(user_id, key_epoch) or await self.keyring.unlock(user_id, key_epoch)
        return Vault(
            self.vault,
            keys,
            self.clock,
            random=self.random,
            quota=self.quota,
            relock=partial(self.keyring.unlock, user_id, key_epoch, fresh=True),
            witness=partial(self._witness, user_id),
        )

    async def _witness(self, user_id: bytes, _collection: str) -> None:
        """That a row of this user did not open is worth an audit event; which one is not written down outside the vault."""
        await self.audit.record(Event.RECORD_UNREADABLE, user_id)

    async def check(self) -> None:
        """Both databases answer.

        Raises:
            UnavailableError: one of them does not.
        """
        await self.accounts.count()
        if await facts.read(self.vault, "install_id") != self.founded.install_id:
            raise UnavailableError
        if self.must_last and await self.may_lose():
            raise UnavailableError

    async def may_lose(self) -> list[str]:
        """Settings of the live databases with which acknowledged writes can be lost."""
        databases = (("platform", self.platform), ("vault", self.vault))
        return [f"{name}: {weakness}" for name, database in databases for weakness in await durability.weaknesses(database)]

    async def close(self) -> None:
        self.passwords.close()
        await self.platform.close()
        await self.vault.close()
        if self.claim is not None:
            self.claim.close()


async def open_instance(
    places: Places,
    numbers: Numbers,
    *,
    clock: Clock,
    random: Randomness = os.urandom,
    is_server: bool = False,
) -> Instance:
    """Found, check and migrate as `is_server`; other commands only open what a server made.

    Raises:
        StartError: says what is wrong and what to do. Nothing was changed.
    """
    claim = await claiming.claim_or_share(places) if is_server else None
    try:
        founded = await founding.found(places, clock=clock, random=random, is_server=is_server)
        renews = is_server and not founded.is_new
        instance = await assemble(places, founded, numbers, clock=clock, random=random, renews_ring=renews)
        instance.claim = claim
        if is_server and numbers.must_last:
            await _refuse_loss(instance)
    except DatabaseError as error:
        _release(claim)
        message = f"The databases in {places.data_dir} cannot be written: {error.__cause__}. Mend the permissions or free some space."
        raise StartError(message) from error
    except BaseException:
        _release(claim)
        raise
    founding.finish(places)
    if claim is not None:
        claiming.share(claim, places)
    return instance


async def assemble(
    places: Places, founded: Founded, numbers: Numbers, *, clock: Clock, random: Randomness, renews_ring: bool = False
) -> Instance:
    """The parts on a pair of databases that belong together."""
    ballast = Ballast(places.data_dir / "ballast")
    platform, vault = open_database(places.platform_at, ballast.give_up), open_database(places.vault_at, ballast.give_up)
    try:
        if renews_ring:
            await renew_ring(platform, founded.keys, clock, random)
        keys = await PlatformKeys.load_or_create(platform, founded.keys, clock, random, is_new=founded.is_new)
    except BaseException:
        await platform.close()
        await vault.close()
        raise
    pool = PasswordPool(max(1, (os.cpu_count() or 1) - SPARE_CORES), numbers.password_cost)
    audit = Audit(platform, keys, clock, random)
    sealer = Sealer(keys)
    keyring = Keyring(platform, founded.keys, clock, random)
    limits = Limits(platform, keys, clock, numbers.limits)
    passwords = Passwords(pool, keys)
    accounts = Accounts(platform, keyring, sealer, passwords, audit, clock, random)
    tokens = Tokens(keys, numbers.issuer, clock, random)
    proof = Proof(accounts, passwords, limits, sealer, audit)
    return Instance(
        places=places,
        founded=founded,
        clock=clock,
        random=random,
        platform=platform,
        vault=vault,
        keys=founded.keys,
        keyring=keyring,
        accounts=accounts,
        passwords=pool,
        sessions=Sessions(platform, accounts, keyring, sealer, tokens, limits, proof, audit, clock, random),
        tokens=tokens,
        step_up=StepUp(platform, proof, audit, clock, random),
        invitations=Invitations(platform, clock, random),
        limits=limits,
        audit=audit,
        ledger=Ledger(platform, keys),
        scans=Scans(),
        quota=Quota(has_room=ballast.has_room),
        ballast=ballast,
        must_last=numbers.must_last,
    )


async def _refuse_loss(instance: Instance) -> None:
    """Raises:
    StartError: a database may lose what it acknowledged.
    """
    if weaknesses := await instance.may_lose():
        await instance.close()
        message = (
            f"A power cut would lose acknowledged writes ({', '.join(weaknesses)}), which the production profile refuses. "
            "Change these settings of the database server, then start again."
        )
        raise StartError(message)


def _release(claim: IO[str] | None) -> None:
    if claim is not None:
        claim.close()
