"""What the server says of itself: instance, health, keys, the API's own document."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import msgspec

from timos.kernel.errors import UnavailableError
from timos.web.answers import Answer, json_answer
from timos.web.deps import services_of
from timos.web.route import Access, Call, Route


class InstanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a page must know before anybody is signed in."""

    name: str
    version: str
    registration: Literal["first", "open", "invite", "closed"]
    has_accounts: bool


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`ok`, or the answer is a problem."""

    status: str = "ok"


async def show_instance(call: Call) -> Answer:
    services = services_of(call)
    return json_answer(
        {
            "name": "TimOS",
            "version": services.version,
            "registration": services.registration,
            "has_accounts": await services.instance.accounts.count() > 0,
        }
    )


async def live(_: Call) -> Answer:
    """The process answers; nothing else is asked, so that a slow database does not get the process killed."""
    return json_answer(Health())


async def ready(call: Call) -> Answer:
    """Both databases answer and the key service opens what it sealed.

    Raises:
        UnavailableError: one of them does not.
    """
    await services_of(call).instance.check()
    return json_answer(Health())


async def show_keys(call: Call) -> Answer:
    return json_answer(services_of(call).instance.tokens.jwks())


async def show_openapi(call: Call) -> Answer:
    return json_answer(services_of(call).openapi)


def routes() -> Iterator[Route]:
    public = partial(Route, method="GET", access=Access.PUBLIC, tag="Server")
    yield public(
        path="/api/instance", name="instance", summary="Name, version and who may sign up", handler=show_instance, answer=InstanceAnswer
    )
    yield public(path="/livez", name="live", summary="The process answers", handler=live, answer=Health, rate=None)
    yield public(
        path="/readyz",
        name="ready",
        summary="Databases and key service answer",
        handler=ready,
        answer=Health,
        rate=None,
        problems=(UnavailableError,),
    )
    yield public(
        path="/.well-known/jwks.json",
        name="jwks",
        summary="Public keys of the access tokens",
        handler=show_keys,
        answer=dict[str, list[dict[str, str]]],
        cache="public, max-age=300",
    )
    yield public(
        path="/api/openapi.json",
        name="openapi",
        summary="This document",
        handler=show_openapi,
        answer=dict[str, Any],
        cache="public, max-age=300",
    )
