"""Moving out: everything as one zip, and erasing the account."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import datetime

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import InputError, KeyUnavailableError, LimitError, StepUpError, UnavailableError, VaultLockedError
from timos.lifecycle import erase as erasing
from timos.lifecycle.export import export
from timos.platform.audit import Event
from timos.platform.auth.stepup import Action
from timos.web.answers import Answer, json_answer
from timos.web.api.auth.cookies import signed_out
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call, Route

PHRASE = "erase my account"
ZIP = "application/zip"


class EraseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`phrase` is typed by the user: erase my account."""

    phrase: str


class ReceiptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of the erasure, without a name on it."""

    receipt: str
    erased_at: datetime
    ledger_sequence: int
    keys_destroyed: int
    rows: int
    horizon: str
    statement: str


async def give_out(call: Call) -> Answer:
    services = services_of(call)
    session = session_of(call)
    await _stepped_up(call, "export")
    vault = await unlocked(call)

    async def turn() -> AsyncIterator[bytes]:
        async with services.scans.turn(session.user_id), aclosing(export(vault)) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece

    return Answer(200, turn(), ((b"content-disposition", b'attachment; filename="timos-export.zip"'),), ZIP.encode())


async def erase(call: Call) -> Answer:
    wanted: EraseRequest = call.body
    if " ".join(wanted.phrase.lower().split()) != PHRASE:
        message = f'Type "{PHRASE}" to confirm. Nothing was erased.'
        raise InputError(message, path="$.phrase")
    await _stepped_up(call, "erase")
    receipt = await erasing.erase(services_of(call).instance, session_of(call).user_id)
    return json_answer(
        ReceiptAnswer(
            receipt=receipt.receipt,
            erased_at=instant(receipt.erased_at_ms),
            ledger_sequence=receipt.ledger_sequence,
            keys_destroyed=receipt.keys_destroyed,
            rows=receipt.rows,
            horizon=receipt.horizon,
            statement=erasing.statement(receipt),
        ),
        headers=signed_out(services_of(call), clears_device=True),
    )


async def _stepped_up(call: Call, action: Action) -> None:
    """The token counts once, also when what follows fails: a second try asks for the password again.

    Raises:
        StepUpError: missing, used, expired, or for another action.
    """
    instance = services_of(call).instance
    session = session_of(call)
    async with instance.platform.transaction() as tx:
        await instance.step_up.consume(tx, session, action, call.header("x-step-up") or "")
        if action == "export":
            await instance.audit.write(tx, Event.EXPORT_MADE, session.user_id)


def routes() -> Iterator[Route]:
    yield Route(
        method="POST",
        path="/api/exports",
        name="export",
        summary="Everything as one zip, streamed",
        tag="Data",
        handler=give_out,
        headers=("X-Step-Up",),
        answer_media_type=ZIP,
        rate="transfer",
        problems=(StepUpError, VaultLockedError, LimitError, UnavailableError),
    )
    yield Route(
        method="POST",
        path="/api/account/erase",
        name="erase",
        summary="Erase the account and everything in it",
        tag="Data",
        handler=erase,
        body=EraseRequest,
        headers=("X-Step-Up",),
        answer=ReceiptAnswer,
        problems=(StepUpError, KeyUnavailableError, VaultLockedError),
    )
