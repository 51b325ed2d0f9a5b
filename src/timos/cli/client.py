"""A client of the API: bearer tokens, one renewal when they have run out, and the server's problems as our own errors.

- Redirects are not followed: a token goes to the origin it belongs to.
- A request that may be sent twice is sent again once when the connection broke; any other is not.
"""

import os
import platform
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from timos.cli.address import DEFAULT, Server, server_of
from timos.cli.answers import SessionAnswer, decode
from timos.cli.exits import error_of
from timos.cli.login import Login, LoginFile, default_path
from timos.kernel.errors import MisdirectedError, TimosError, UnauthenticatedError, UnavailableError
from timos.kernel.ids import ID_BYTES, text_of

_TIMEOUT = httpx.Timeout(30, connect=5)  # seconds
_STREAM_TIMEOUT = httpx.Timeout(120, connect=5)  # seconds between two pieces; a large archive takes a while to begin
_REFRESH = "/api/auth/refresh"
_REPEATABLE = frozenset({"GET", "PUT"})  # a PUT of equal content is no conflict, so a lost answer costs nothing

Query = Mapping[str, str | int | None]  # parameters that are None are left out
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """`raw` is the body as it came: `--json` prints that, not our idea of it."""

    raw: bytes = field(repr=False)
    etag: str | None = None

    def read(self, kind: type[T]) -> T:
        """Raises: TimosError when the answer has another shape, which means versions that do not fit."""
        return decode(self.raw, kind)


class _Bearer(httpx.Auth):
    """Sends the access token; at a 401 renews once, under the lock, and sends the request again."""

    def __init__(self, file: LoginFile, login: Login) -> None:
        self._file = file
        self._login = login

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield self._signed(request)
        if response.status_code != UnauthenticatedError.status:
            return
        with self._file.locked():
            yield from self._renew(request)
        response = yield self._signed(request)
        if response.status_code == UnauthenticatedError.status:
            raise signed_out(self._login.server)

    def _renew(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        on_disk = self._file.load()
        if on_disk is None or on_disk.server != self._login.server:
            raise signed_out(self._login.server)  # signed out, or in elsewhere, by another process
        if on_disk.access_token != self._login.access_token:
            self._login = on_disk  # another process has renewed while this one waited
            return
        body = {"refresh_token": on_disk.refresh_token}
        response = yield httpx.Request("POST", request.url.copy_with(raw_path=_REFRESH.encode()), json=body, extensions=request.extensions)
        response.read()
        if response.status_code == UnauthenticatedError.status:
            raise signed_out(self._login.server)
        self._login = renewed(on_disk, answer_of(response).read(SessionAnswer))
        self._file.save(self._login)  # before its first use: the old refresh token is void now

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._login.access_token}"
        return request


class Client:
    """Calls one server; without a login only its public routes answer. Close it, or use it in a `with`."""

    def __init__(self, server: Server, auth: httpx.Auth | None = None) -> None:
        self.server = server
        self._auth = auth
        self._http = httpx.Client(
            base_url=server.url,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not server.is_loopback,
            headers={"Accept": "application/json", "User-Agent": f"timos/{version('timos')} ({platform.system()})"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, query: Query | None = None) -> Reply:
        return self._call("GET", path, query=query)

    def find(self, path: str) -> Reply | None:
        """None for a 404 of the API itself; a 404 of anything else is an error."""
        request = self._http.build_request("GET", path)
        response = self._send(request, attempts=2)
        if response.status_code == httpx.codes.NOT_FOUND and response.headers.get("content-type", "").startswith(
            "application/problem+json"
        ):
            return None
        return answer_of(response)

    def put(self, path: str, document: object, *, etag: str | None) -> Reply:
        """Without an ETag this says "I know of none": a stored document is then a conflict.

        Raises: PreconditionError with the stored document.
        """
        return self._call("PUT", path, body=document, headers={"If-Match": etag} if etag else {})

    def post(self, path: str, body: object | None = None, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Sent again after a broken connection only under an Idempotency-Key."""
        return self._call("POST", path, body=body, headers=headers or {})

    def create(self, path: str, body: object) -> Reply:
        """A POST under an Idempotency-Key of its own: a lost answer costs nothing."""
        return self.post(path, body, headers={"Idempotency-Key": text_of(os.urandom(ID_BYTES))})

    def delete(self, path: str) -> Reply:
        """Not sent again after a broken connection: the second answer would be that there is nothing."""
        return self._call("DELETE", path)

    @contextmanager
    def stream(
        self, path: str, content: bytes = b"", *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """A POST whose answer is read while it comes. A tiny call goes first, so that no large body meets a 401."""
        self.get("/api/auth/session")
        request = self._http.build_request(
            "POST", path, content=content, params=_given(query or {}), headers=headers, timeout=_STREAM_TIMEOUT
        )
        response = self._send(request, is_stream=True)
        try:
            if not response.is_success:
                response.read()
            yield checked(response)
        except httpx.HTTPError as error:
            raise UnavailableError(f"The connection to {self.server.url} broke off. Run the command again.") from error
        finally:
            response.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if body is not None else {})}
        content = None if body is None else msgspec.json.encode(body)
        request = self._http.build_request(method, path, content=content, params=_given(query or {}), headers=sent)
        is_repeatable = method in _REPEATABLE or "Idempotency-Key" in sent
        return answer_of(self._send(request, attempts=2 if is_repeatable else 1))

    def _send(self, request: httpx.Request, *, attempts: int = 1, is_stream: bool = False) -> httpx.Response:
        try:
            return self._http.send(request, auth=self._auth, stream=is_stream)
        except httpx.ConnectError as error:
            raise _unreachable(self.server, error) from error
        except httpx.HTTPError as error:
            if attempts > 1:
                return self._send(request, attempts=attempts - 1, is_stream=is_stream)
            raise _unreachable(self.server, error) from error


def connect(server: str | None, *, is_insecure: bool) -> Client:
    """A client with the saved login, which must be one for `server` when that is given.

    Raises: UnauthenticatedError when there is no such login; typer.BadParameter for an address that is not taken.
    """
    file = LoginFile(default_path())
    login = file.load()
    if login is None:
        raise signed_out(server_of(server or DEFAULT, is_insecure=True).url)
    wanted = server_of(server or login.server, is_insecure=is_insecure or login.is_insecure)
    if wanted.url != login.server:
        raise signed_out(wanted.url)
    return Client(wanted, _Bearer(file, login))


def checked(response: httpx.Response) -> httpx.Response:
    """Raises: what the server's problem says; the body must have been read."""
    if response.is_redirect:
        raise MisdirectedError(
            f"The server sends us on to {response.headers.get('location', 'elsewhere')}. Use that address with --server."
        )
    if response.is_success:
        return response
    raise error_of(response.status_code, response.content, retry_after=response.headers.get("retry-after"))


def answer_of(response: httpx.Response) -> Reply:
    """Raises: as `checked`."""
    return Reply(checked(response).content, response.headers.get("etag"))


def renewed(login: Login, answer: SessionAnswer) -> Login:
    """Raises: TimosError when the server did not send both tokens."""
    if not answer.access_token or not answer.refresh_token:
        raise TimosError("The server sent no tokens. Compare: timos version")
    return replace(login, access_token=answer.access_token, refresh_token=answer.refresh_token, address=answer.user.address)


def signed_out(server: str) -> UnauthenticatedError:
    """The one text for every way of not being signed in; names the command that helps."""
    return UnauthenticatedError(f"Not signed in at {server}, or the session has ended. Run: timos login --server {server}")


def _given(query: Query) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value is not None}


def _unreachable(server: Server, error: httpx.HTTPError) -> UnavailableError:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UnavailableError(f"The certificate of {server.url} is not trusted here. Set SSL_CERT_FILE to your own authority's file.")
    if isinstance(error, httpx.TimeoutException):
        return UnavailableError(f"{server.url} does not answer in time. Try again in a moment.")
    return UnavailableError(f"{server.url} cannot be reached. Is the server running (timos serve), and is the address right (--server)?")
