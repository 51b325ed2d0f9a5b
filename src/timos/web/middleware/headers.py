"""The headers that every answer carries, composed once for each route; and CORS, closed but for the origins that the operator lists."""

from timos.web.answers import Header
from timos.web.middleware.settings import WebSettings
from timos.web.route import NOT_STORED, Access, Call, Route

API_CSP = "default-src 'none'; frame-ancestors 'none'"
_OWN_FILES_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types"
)
PAGE_CSP = f"{_OWN_FILES_ONLY} svelte-trusted-html timos"
# differs in the names of the policies only: Swagger UI's own, and the filter of web/reference/start.js (docs/adr/0014)
REFERENCE_CSP = f"{_OWN_FILES_ONLY} default dompurify"
HSTS_SECONDS = 63_072_000  # two years, what the preload list asks for
PREFLIGHT_SECONDS = 600

_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_EXPOSED = b"ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
_ALLOWED = b"Authorization, Content-Type, Idempotency-Key, If-Match, X-CSRF-Token, X-Step-Up"


def fixed(route: Route, settings: WebSettings, *, is_error: bool = False) -> tuple[Header, ...]:
    """What all answers of a route carry. An error is nobody's to keep: else a cache would hold a 404 for as long as the file itself."""
    csp = API_CSP if route.csp is None else route.csp
    cache = NOT_STORED if is_error else route.cache
    own = [(b"cache-control", cache.encode("latin-1")), (b"content-security-policy", csp.encode("latin-1"))]
    vary = [name.encode("ascii") for name in route.vary]
    vary += [b"Cookie, Authorization"] if route.access is not Access.PUBLIC else []
    vary += [b"Origin"] if settings.origins else []
    if vary:
        own.append((b"vary", b", ".join(vary)))
    if settings.is_https:
        own.append((b"strict-transport-security", b"max-age=%d; includeSubDomains" % HSTS_SECONDS))
    return (*_ALWAYS, *own)


def cors(call: Call, settings: WebSettings) -> bool:
    """Adds what a listed origin's page needs to read the answer; False, and nothing, for anyone else."""
    origin = call.headers.get(b"origin")
    if origin is None or origin.decode("latin-1") not in settings.origins:
        return False
    call.answer_headers += [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED),
    ]
    return True


def preflight(allow: bytes) -> tuple[Header, ...]:
    """What a listed origin's page may send to a path with these methods."""
    return (
        (b"access-control-allow-methods", allow),
        (b"access-control-allow-headers", _ALLOWED),
        (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
    )
