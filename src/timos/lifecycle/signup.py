"""Making an account: the vault's gate, then the account with its keys and its first session."""

from dataclasses import dataclass, field

from timos.kernel.errors import RegistrationError
from timos.lifecycle.instance import Instance
from timos.platform.accounts.account import NewAccount, Role
from timos.platform.auth.invitations import Invitation
from timos.platform.auth.sessions.session import Kind, NewSession, SignIn
from timos.vault import gates

SETUP_SECONDS = 24 * 3600
INVITE_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Who wants an account, and from where; `token` is that of a setup link or an invitation."""

    address: str
    password: str = field(repr=False)
    name: str
    token: str | None = field(repr=False)
    kind: Kind
    device: str
    client_address: str


async def sign_up(instance: Instance, who: Newcomer, *, registration: str) -> SignIn:
    """`registration` is first, open, invite or closed.

    Raises:
        RegistrationError: the instance takes no account this way.
        ConflictError: the address is taken. A stated limit of a server without mail: this tells that the account exists.
        InputError, LimitError, UnavailableError
    """
    is_first = await instance.accounts.count() == 0
    _require_open(registration, who.token, is_first=is_first)
    await instance.limits.sign_up(who.client_address)
    new = await instance.accounts.prepare(who.address, who.password, who.name, Role.ADMIN if is_first else Role.MEMBER)
    begun = instance.sessions.begin(new, kind=who.kind, device=who.device, client_address=who.client_address)
    await _store(instance, new, begun, token=who.token if is_first or registration != "open" else None)
    return begun.sign_in


async def create(instance: Instance, *, address: str, password: str, name: str, role: Role) -> NewAccount:
    """An account made by the operator, whatever the registration policy; nobody is signed in."""
    new = await instance.accounts.prepare(address, password, name, role)
    await _store(instance, new, None, token=None)
    return new


async def setup_token(instance: Instance) -> str | None:
    """The token of the one-time link for the first account; None once there is an account. Each call replaces the last."""
    if await instance.accounts.count():
        return None
    return await instance.invitations.issue(Invitation.SETUP, SETUP_SECONDS)


def _require_open(registration: str, token: str | None, *, is_first: bool) -> None:
    """The first account always needs the setup link: on an open server too, whoever comes first must not become the admin."""
    if is_first:
        if not token:
            message = "The first account is made with the setup link that the server's terminal prints."
            raise RegistrationError(message)
        return
    if registration == "open" or (registration == "invite" and token):
        return
    raise RegistrationError


async def _store(instance: Instance, new: NewAccount, begun: NewSession | None, *, token: str | None) -> None:
    # The gate first: stopping after it leaves an empty vault that nobody has a key to. The other way round an account
    # could exist whose vault refuses every write.
    async with instance.vault.transaction() as unit:
        await gates.make(unit, new.keys.vault_id, random=instance.random)
    async with instance.platform.transaction() as tx:
        if token is not None:
            purpose = await instance.invitations.consume(tx, token)
            if (purpose is Invitation.SETUP) != (new.account.role is Role.ADMIN):
                raise RegistrationError
        await instance.accounts.insert(tx, new)
        if begun is not None:
            await instance.sessions.insert(tx, begun)
