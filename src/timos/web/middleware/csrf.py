"""Whether our own page made the request. One of two locks: the token bound to the session is checked where sessions are known.

Checked for every unsafe method, public routes too: a page elsewhere that signs its visitor in to *its own* account would read what
the visitor writes there. Not checked for Authorization: no page can make a browser send it to us without asking first (CORS), and with
it cookies are ignored.
"""

from timos.kernel.errors import CsrfError
from timos.web.middleware.settings import WebSettings
from timos.web.route import Call

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(call: Call, settings: WebSettings) -> None:
    """Order: a listed Origin is enough; our own must not be contradicted by Sec-Fetch-Site; no Origin is only for programs without cookies.

    Raises:
        CsrfError: another site's page made the request, or none that says where it comes from did.
    """
    headers = call.headers
    if b"authorization" in headers:
        return
    origin = headers.get(b"origin")
    if origin is None:
        # every browser sends Origin with unsafe methods; what has cookies and does not is not to be trusted
        if b"cookie" in headers or headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
            raise CsrfError
        return
    if origin.decode("latin-1") in settings.origins:
        return
    if origin != own_origin(call, settings) or headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
        raise CsrfError


def own_origin(call: Call, settings: WebSettings) -> bytes:
    """The origin of our pages as this caller sees them: Host has been held against the list, the scheme is the operator's word."""
    return (b"https://" if settings.is_https else b"http://") + call.headers[b"host"].lower()
