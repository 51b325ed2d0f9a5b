"""Callers of the whole application: nobody in particular, and a browser with its cookies."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.support import HOST, PASSWORD, Json, World

Headers = Mapping[str, str | None]  # None: leave it out


async def ask(
    world: World, method: str, path: str, *, headers: Headers | None = None, address: str = "127.0.0.1", **more: Any
) -> httpx.Response:
    """One request of somebody of whom nothing is remembered."""
    transport = httpx.ASGITransport(world.application, client=(address, 50000))
    sent = {name: value for name, value in (headers or {}).items() if value is not None}
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        return await client.request(method, path, headers=sent, **more)


class Browser:
    """Keeps cookies as a browser does, and sends what our own page sends; `headers` of a call come on top."""

    def __init__(self, world: World, *, origin: str = HOST, address: str = "127.0.0.1") -> None:
        self.world = world
        self.origin = origin
        self.address = address
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None

    async def call(self, method: str, path: str, body: Json = None, *, headers: Headers | None = None, **more: Any) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        own: Headers = {"origin": self.origin, "sec-fetch-site": "same-origin", "cookie": cookie or None, "x-csrf-token": self.csrf}
        content = {"json": body} if body is not None else {}
        answer = await ask(self.world, method, path, headers={**own, **(headers or {})}, address=self.address, **content, **more)
        self._keep(answer)
        return answer

    async def sign_up(self, name: str) -> "Browser":
        return await self._begun("/api/auth/signup", 201, {"address": f"{name}@example.org", "password": PASSWORD, "name": name.title()})

    async def login(self, name: str, password: str = PASSWORD) -> "Browser":
        return await self._begun("/api/auth/login", 200, {"address": f"{name}@example.org", "password": password})

    async def _begun(self, path: str, status: int, body: Json) -> "Browser":
        self.csrf = None
        answer = await self.call("POST", path, body)
        assert answer.status_code == status, answer.text
        self.csrf = answer.json()["csrf_token"]
        return self

    def _keep(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0;" not in f"{attributes};":
                self.cookies[name] = value


def attributes_of(answer: httpx.Response) -> dict[str, set[str]]:
    """By cookie: what follows its value."""
    lines = [line.split("; ") for line in answer.headers.get_list("set-cookie")]
    return {pair.partition("=")[0]: set(attributes) for pair, *attributes in lines}
