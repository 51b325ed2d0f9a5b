"""The cookies of a session, and how a browser forgets them."""

from timos.web.answers import Header
from timos.web.deps import ACCESS_COOKIE, REFRESH_COOKIE, Services


def signed_out(services: Services, *, clears_device: bool) -> tuple[Header, ...]:
    """What leaves nothing of the session in the browser; with `clears_device` also nothing of drafts, of the queue and of the shell."""
    gone = tuple(cookie(services, name, "", 0) for name in (ACCESS_COOKIE, REFRESH_COOKIE))
    # not "cookies": those of every other host below the same domain would go too
    return (*gone, (b"clear-site-data", b'"cache", "storage"')) if clears_device else gone


def cookie(services: Services, name: str, value: str, seconds: int) -> Header:
    """No script reads it; a page elsewhere sends it only by a link (SameSite=Lax)."""
    secure = "; Secure" if services.is_https else ""
    text = f"{services.cookie_name(name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", text.encode("ascii")
