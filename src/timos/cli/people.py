"""`timos user …`: accounts, as their operator sees them. No command here opens a vault."""

import json
import sys
from typing import Annotated

import typer

from timos.cli import ask
from timos.cli.local import with_instance
from timos.cli.options import DryRunOption, JsonOption, PasswordOption
from timos.cli.output import say
from timos.kernel.clock import instant
from timos.kernel.errors import InputError, NotFoundError
from timos.lifecycle import erase as erasing
from timos.lifecycle import ledgers, signup
from timos.lifecycle.founding import places
from timos.lifecycle.instance import Instance
from timos.platform.accounts.account import Account, Profile, Role
from timos.platform.auth.invitations import Invitation

app = typer.Typer(help="Accounts: make, list, disable, new password, invite, erase.", no_args_is_help=True)

AddressArgument = Annotated[str, typer.Argument(help="The account's e-mail address.")]


async def _account(instance: Instance, address: str) -> Account:
    account = await instance.accounts.by_address(address)
    if account is None:
        raise NotFoundError("There is no account with this address.")
    return account


@app.command("create")
def create(
    address: AddressArgument,
    name: Annotated[str, typer.Option(help="How the account is greeted.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May see accounts and the server's health; no vault.")] = False,
    password_stdin: PasswordOption = False,
) -> None:
    """Make an account, whatever the registration policy."""
    password = ask.password(is_from_stdin=password_stdin, is_new=True)
    role = Role.ADMIN if admin else Role.MEMBER
    with_instance(lambda instance: signup.create(instance, address=address, password=password, name=name, role=role))
    say("The account is made.")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """All accounts."""

    async def ask(instance: Instance) -> list[Profile]:
        return await instance.accounts.list()

    people = with_instance(ask)
    rows = [
        {
            "address": p.address,
            "name": p.name,
            "role": p.role.value,
            "status": p.status.value,
            "created_at": instant(p.created_at_ms).isoformat(timespec="seconds"),
        }
        for p in people
    ]
    if as_json:
        say(json.dumps(rows, indent=2))
        return
    for row in rows:
        say(f"{row['address']}  {row['name']}  {row['role']}, {row['status']}, since {row['created_at'][:10]}")


@app.command("disable")
def disable(address: AddressArgument, dry_run: DryRunOption = False) -> None:
    """Nobody signs in to it any more; what is written stays. Undone by `enable`."""

    async def work(instance: Instance) -> None:
        account = await _account(instance, address)
        if not dry_run:
            await instance.accounts.disable(account.id)

    with_instance(work)
    say("It would be disabled." if dry_run else "Disabled.")


@app.command("enable")
def enable(address: AddressArgument) -> None:
    """Undo `disable`."""

    async def work(instance: Instance) -> None:
        await instance.accounts.enable((await _account(instance, address)).id)

    with_instance(work)
    say("Enabled.")


@app.command("reset-password")
def reset_password(address: AddressArgument, password_stdin: PasswordOption = False) -> None:
    """Set a new password for somebody who forgot theirs; every session of the account ends."""
    password = ask.password(is_from_stdin=password_stdin, is_new=True)

    async def work(instance: Instance) -> None:
        account = await _account(instance, address)
        profile = await instance.accounts.profile(account.id)
        hashed = await instance.accounts.hash_password(profile, password)
        async with instance.platform.transaction() as tx:
            await instance.accounts.set_password(tx, account, hashed)
            await instance.limits.clear(tx, account.address_index)

    with_instance(work)
    say("The password is changed, and every session of the account is over.")


@app.command("invite")
def invite(as_json: JsonOption = False) -> None:
    """A link with which one person can sign up, for a week (registration: invite)."""

    async def work(instance: Instance) -> tuple[str, str]:
        token = await instance.invitations.issue(Invitation.INVITE, signup.INVITE_SECONDS)
        return token, places.address(instance.places) or instance.tokens.issuer

    token, url = with_instance(work)
    link = f"{url}/#invite={token}"
    say(json.dumps({"link": link}) if as_json else link)


@app.command("erase")
def erase(
    address: AddressArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Erase an account and everything in it: its keys are destroyed, and no backup brings it back."""
    if not yes and not dry_run:
        if not sys.stdin.isatty():
            raise InputError("Say --yes to erase without being asked.")
        typer.confirm(f"Erase {address} and everything in it, for good?", abort=True)

    async def work(instance: Instance) -> erasing.Receipt | None:
        account = await _account(instance, address)
        if dry_run:
            return None
        await ledgers.require_complete(instance)
        return await erasing.erase(instance, account.id)

    receipt = with_instance(work)
    if receipt is None:
        say("It would be erased.")
    elif as_json:
        say(
            json.dumps(
                {
                    "receipt": receipt.receipt,
                    "ledger_sequence": receipt.ledger_sequence,
                    "keys_destroyed": receipt.keys_destroyed,
                    "rows": receipt.rows,
                }
            )
        )
    else:
        say(f"{erasing.statement(receipt)}\n{receipt.horizon}\nReceipt: {receipt.receipt}")


def add_to(root: typer.Typer) -> None:
    """The commands of this module."""
    root.add_typer(app, name="user")
