"""Making an account: all of it or nothing that matters, and by the operator's rules."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.lifecycle.stage import CutError, copied, person, places_in, read, started, write
from tests.support import PASSWORD
from timos.kernel.errors import ConflictError, InputError, RegistrationError
from timos.lifecycle import health
from timos.lifecycle.instance import Instance
from timos.lifecycle.signup import Newcomer, setup_token, sign_up
from timos.platform.accounts.account import Role
from timos.platform.auth.invitations import Invitation
from timos.platform.auth.sessions.session import SignIn
from timos.vault import gates

Story = Callable[[Instance], Awaitable[None]]


def newcomer(address: str = "sam@example.org", token: str | None = None, password: str = PASSWORD) -> Newcomer:
    return Newcomer(address=address, password=password, name="", token=token, kind="bearer", device="a test", client_address="192.0.2.1")


def on_founded(template: Path, folder: Path, story: Story) -> None:
    """An instance with its admin."""

    async def told() -> None:
        async with started(copied(template, folder)) as instance:
            await story(instance)

    asyncio.run(told())


def on_new(folder: Path, story: Story) -> None:
    """An instance without any account."""

    async def told() -> None:
        async with started(places_in(folder)) as instance:
            await story(instance)

    asyncio.run(told())


async def refuses(instance: Instance, who: Newcomer, *, registration: str) -> None:
    before = await instance.accounts.count()
    with pytest.raises(RegistrationError):
        await sign_up(instance, who, registration=registration)
    assert await instance.accounts.count() == before


async def role_of(instance: Instance, signed: SignIn) -> Role:
    return (await instance.sessions.check(signed.access_token)).role


@pytest.mark.parametrize("registration", ["first", "open", "invite", "closed"])
def test_the_first_account_needs_the_setup_link_whatever_the_policy(tmp_path: Path, registration: str) -> None:
    async def story(instance: Instance) -> None:
        await refuses(instance, newcomer(), registration=registration)
        await refuses(instance, newcomer(token="nonsense"), registration=registration)
        invitation = await instance.invitations.issue(Invitation.INVITE, 600)
        await refuses(instance, newcomer(token=invitation), registration=registration)
        old, new = await setup_token(instance), await setup_token(instance)
        await refuses(instance, newcomer(token=old), registration=registration)
        signed = await sign_up(instance, newcomer(token=new), registration=registration)
        assert await role_of(instance, signed) is Role.ADMIN
        assert await setup_token(instance) is None

    on_new(tmp_path, story)


def test_of_two_who_use_the_setup_link_at_once_one_becomes_the_admin(tmp_path: Path) -> None:
    async def story(instance: Instance) -> None:
        token = await setup_token(instance)
        both = (sign_up(instance, newcomer(f"{name}@example.org", token), registration="open") for name in ("sam", "eva"))
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["RegistrationError", "SignIn"]
        assert [person.role for person in await instance.accounts.list()] == [Role.ADMIN]

    on_new(tmp_path, story)


def test_later_accounts_follow_the_policy(template: Path, tmp_path: Path) -> None:
    async def story(instance: Instance) -> None:
        for registration in ("first", "closed", "invite"):
            await refuses(instance, newcomer(), registration=registration)
        signed = await sign_up(instance, newcomer("open@example.org"), registration="open")
        assert await role_of(instance, signed) is Role.MEMBER
        invitation = await instance.invitations.issue(Invitation.INVITE, 600)
        for registration in ("first", "closed"):
            await refuses(instance, newcomer(token=invitation), registration=registration)
        signed = await sign_up(instance, newcomer(token=invitation), registration="invite")
        assert await role_of(instance, signed) is Role.MEMBER
        await refuses(instance, newcomer("eva@example.org", invitation), registration="invite")  # used

    on_founded(template, tmp_path, story)


def test_a_setup_link_left_over_makes_no_second_admin(template: Path, tmp_path: Path) -> None:
    async def story(instance: Instance) -> None:
        leftover = await instance.invitations.issue(Invitation.SETUP, 600)
        await refuses(instance, newcomer(token=leftover), registration="invite")
        signed = await sign_up(instance, newcomer(token=leftover), registration="open")
        assert await role_of(instance, signed) is Role.MEMBER

    on_founded(template, tmp_path, story)


@pytest.mark.parametrize(
    ("who", "error"),
    [
        (newcomer("admin@example.org"), ConflictError),
        (newcomer("ADMIN@example.ORG"), ConflictError),
        (newcomer("no address"), InputError),
        (newcomer(password="short"), InputError),
        (newcomer(password="sam@example.org" * 2), InputError),
    ],
)
def test_a_refused_sign_up_leaves_its_invitation_usable(template: Path, tmp_path: Path, who: Newcomer, error: type[Exception]) -> None:
    async def story(instance: Instance) -> None:
        token = await instance.invitations.issue(Invitation.INVITE, 600)
        bad = newcomer(who.address, token, who.password)
        with pytest.raises(error):
            await sign_up(instance, bad, registration="invite")
        assert await instance.accounts.count() == 1
        await sign_up(instance, newcomer("good@example.org", token), registration="invite")

    on_founded(template, tmp_path, story)


@pytest.mark.parametrize("step", ["consume", "account", "keys", "session"])
def test_a_crash_after_the_gate_leaves_nothing_that_matters(
    template: Path, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object, **__: object) -> None:
        raise CutError

    async def story(instance: Instance) -> None:
        token = await instance.invitations.issue(Invitation.INVITE, 600)
        owner, name = {
            "consume": (instance.invitations, "consume"),
            "account": (instance.accounts, "insert"),
            "keys": (instance.keyring, "insert"),
            "session": (instance.sessions, "insert"),
        }[step]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, cut)
            with pytest.raises(CutError):
                await sign_up(instance, newcomer(token=token), registration="invite")
        assert await instance.accounts.count() == 1
        assert sum(count.rows for count in await instance.keyring.status() if count.purpose == "vault") == 1
        assert await gates.count(instance.vault) == 2  # an empty vault that nobody has a key to
        await sign_up(instance, newcomer(token=token), registration="invite")
        sam = await instance.accounts.by_address("sam@example.org")
        assert sam is not None
        await write(instance, sam)
        assert await read(instance, sam) == "words"
        assert all(finding.is_good for finding in await health.examine(instance))

    on_founded(template, tmp_path, story)


def test_the_operator_can_make_an_account_whatever_the_policy_but_not_twice(template: Path, tmp_path: Path) -> None:
    async def story(instance: Instance) -> None:
        await person(instance)
        with pytest.raises(ConflictError):
            await person(instance)
        assert {profile.role for profile in await instance.accounts.list()} == {Role.ADMIN, Role.MEMBER}
        signed = await instance.sessions.login("sam@example.org", PASSWORD, kind="bearer", device="a test", client_address="192.0.2.1")
        assert len(await instance.sessions.list(signed.session)) == 1  # only this one: making it signed nobody in

    on_founded(template, tmp_path, story)
