"""Commands about the account: sign up, sign in, sign out, who am I, erase."""

import os
from pathlib import Path
from typing import Annotated

import typer

from timos.cli import ask
from timos.cli.address import DEFAULT, Server, server_of, setup_link
from timos.cli.answers import Receipt, SessionAnswer, StepUp, User, decode
from timos.cli.client import Client, connect, renewed
from timos.cli.login import Login, LoginFile, default_path
from timos.cli.options import InsecureOption, JsonOption, PasswordOption, ServerOption
from timos.cli.output import hint, print_json, say
from timos.kernel.errors import TimosError, UnauthenticatedError

PHRASE = "erase my account"  # what the server asks for, too

AddressArgument = Annotated[str | None, typer.Argument(metavar="ADDRESS", help="Your e-mail address; asked for when left out.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (signup, login, logout, whoami, erase):
        app.command()(command)


def signup(
    address: AddressArgument = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="LINK", help="The setup link that the server printed, or its token.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What to call you.")] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    password_stdin: PasswordOption = False,
) -> None:
    """Make an account and sign in."""
    linked, secret = setup_link(token) if token else (None, None)
    place = server_of(server or linked or DEFAULT, is_insecure=insecure)
    body = {"address": address or ask.line("Address", otherwise="Give the address as an argument."), "kind": "bearer"}
    body["password"] = ask.password("New password (15 characters or more)", is_from_stdin=password_stdin, is_new=True)
    body |= {key: value for key, value in (("name", name), ("token", secret)) if value}
    _enter(place, "/api/auth/signup", body, is_insecure=insecure)


def login(
    address: AddressArgument = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    password_stdin: PasswordOption = False,
) -> None:
    """Sign in; the tokens are kept in a file that only you can read."""
    place = server_of(server or DEFAULT, is_insecure=insecure)
    body = {"address": address or ask.line("Address", otherwise="Give the address as an argument."), "kind": "bearer"}
    body["password"] = ask.password(is_from_stdin=password_stdin)
    _enter(place, "/api/auth/login", body, is_insecure=insecure)


def logout() -> None:
    """Sign out here and on the server."""
    file = LoginFile(default_path())
    if file.load() is None:
        say("Not signed in.")
        return
    try:
        with connect(None, is_insecure=False) as client:
            client.post("/api/auth/logout")
    except UnauthenticatedError:
        pass  # the session has ended already: what was asked for
    except TimosError:
        hint("Signed out here only: the server did not hear of it, the session there lasts until it is ended in the list of sessions.")
        raise
    finally:
        file.forget()  # whatever the server says: nobody who asked to be signed out wants to stay
    say("Signed out.")


def whoami(server: ServerOption = None, insecure: InsecureOption = False, as_json: JsonOption = False) -> None:
    """Show the account that you are signed in to."""
    with connect(server, is_insecure=insecure) as client:
        reply = client.get("/api/auth/profile")
        if as_json:
            print_json(reply.raw)
            return
        user = reply.read(User)
        say(f"{user.name} <{user.address}>" if user.name else user.address)
        say(f"{user.role} at {client.server.url}")


def erase(
    receipt: Annotated[Path | None, typer.Option("--receipt", metavar="FILE", help="Write the receipt to this new file.")] = None,
    phrase: Annotated[str | None, typer.Option("--yes-i-mean-it", metavar="PHRASE", help=f"For scripts: the phrase “{PHRASE}”.")] = None,
    server: ServerOption = None,
    insecure: InsecureOption = False,
    password_stdin: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Erase the account and all it holds, for ever. Export first: nobody can bring it back."""
    with connect(server, is_insecure=insecure) as client:
        typed = phrase if phrase is not None else ask.line(f"Type “{PHRASE}” to go on", otherwise="Give the phrase with --yes-i-mean-it.")
        if typed.strip() != PHRASE:
            raise typer.BadParameter(f"The phrase is “{PHRASE}”. Nothing was erased.")
        if receipt is not None and receipt.exists():
            raise typer.BadParameter(f"{receipt} exists. Nothing was erased.", param_hint="--receipt")
        proof = step_up(client, "erase", is_from_stdin=password_stdin)
        raw = client.post("/api/account/erase", {"phrase": PHRASE}, headers={"X-Step-Up": proof}).raw
    LoginFile(default_path()).forget()
    _show_receipt(raw, receipt, as_json=as_json)


def step_up(client: Client, action: str, *, is_from_stdin: bool) -> str:
    """A one-time proof for `action`, for the header X-Step-Up."""
    body = {"password": ask.password("Your password, to confirm that it is you", is_from_stdin=is_from_stdin), "action": action}
    return client.post("/api/auth/step-up", body).read(StepUp).token


def _enter(place: Server, path: str, body: dict[str, str], *, is_insecure: bool) -> None:
    with Client(place) as client:
        answer = client.post(path, body).read(SessionAnswer)
    LoginFile(default_path()).save(renewed(Login(place.url, "", "", "", is_insecure), answer))
    say(f"Signed in at {place.url} as {answer.user.name or answer.user.address}.")


def _show_receipt(raw: bytes, file: Path | None, *, as_json: bool) -> None:
    # Shown first: the account is gone, and its receipt must reach somebody even if the file cannot be written.
    if as_json:
        print_json(raw)
    else:
        shown = decode(raw, Receipt)
        say(f"Erased. Your receipt: {shown.receipt}")
        say(f"{shown.statement}\n{shown.horizon}")
    if file is None:
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(raw)
    hint(f"The receipt is in {file}.")
