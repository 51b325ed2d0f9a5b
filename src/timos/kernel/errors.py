"""Every error that TimOS raises on purpose, in one tree.

    TimosError                      500 internal
    ├── InputError                  422 invalid            the field is named by `path`
    │   ├── MalformedError          400 malformed          not JSON at all, or JSON that two readers would read differently
    │   └── TooLargeError           413 too_large
    ├── UnauthenticatedError        401 unauthenticated
    ├── ForbiddenError              403 forbidden
    │   ├── CsrfError               403 csrf
    │   ├── StepUpError             403 step_up            a fresh proof of identity is needed for this action
    │   └── RegistrationError       403 registration       the instance takes no new accounts this way
    ├── NotFoundError               404 not_found          also what belongs to somebody else
    ├── MethodError                 405 method             the path is known, the method is not
    ├── ConflictError               409 conflict
    ├── PreconditionError           412 precondition       carries the stored document, when the caller may read it
    ├── MediaTypeError              415 media_type
    ├── VaultLockedError            423 vault_locked
    ├── MisdirectedError            421 misdirected        the Host header is not one of ours
    ├── LimitError                  429 limit              `retry_after_seconds`
    ├── UnavailableError            503 unavailable        `retry_after_seconds`
    │   ├── KeyUnavailableError     503 key_unavailable
    │   └── DatabaseError           503 database
    ├── DecryptionError             500 crypto             one error for every cause, on purpose
    ├── QuotaError                  507 quota              the vault holds as much as one vault may
    └── StartError                  500 start              the process must not start; the text says what to do

`str(error)` is safe to show to the user. What only the operator may know goes to the log or to `__cause__`.
"""


class TimosError(Exception):
    """Root of the tree; `code` is for programs and never changes, `status` is the HTTP status."""

    code = "internal"
    status = 500
    default = "Something went wrong on our side. Nothing was changed."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.default)


class InputError(TimosError):
    """`path` is the first wrong field as a JSON path (`$.tags[2]`), or a header or parameter name."""

    code = "invalid"
    status = 422
    default = "A field has a value that cannot be accepted."

    def __init__(self, detail: str | None = None, *, path: str | None = None) -> None:
        super().__init__(detail)
        self.path = path


class MalformedError(InputError):
    """The body cannot be read, or two JSON readers would disagree about it (RFC 8259 section 4)."""

    code = "malformed"
    status = 400
    default = "The body is not valid JSON."


class TooLargeError(InputError):
    """A body, field or list is over its limit; the detail names the limit."""

    code = "too_large"
    status = 413
    default = "This is larger than what is accepted here."


class UnauthenticatedError(TimosError):
    """One text for every cause, so that a caller learns nothing about accounts or tokens."""

    code = "unauthenticated"
    status = 401
    default = "Sign in to go on."


class ForbiddenError(TimosError):
    """Known caller, not allowed to do this."""

    code = "forbidden"
    status = 403
    default = "This is not allowed."


class CsrfError(ForbiddenError):
    """A cookie request without proof that our own page made it."""

    code = "csrf"
    default = "The request does not come from this site's own page. Reload the page and try again."


class StepUpError(ForbiddenError):
    """The action needs a proof of identity that is younger than ten minutes and bound to it."""

    code = "step_up"
    default = "Confirm that it is you: this action needs your password again."


class RegistrationError(ForbiddenError):
    """Sign-up is closed, or needs a link from the operator."""

    code = "registration"
    default = "This server takes no new accounts this way. Ask its operator for an invitation."


class NotFoundError(TimosError):
    """Does not exist, or is somebody else's: same body, same time."""

    code = "not_found"
    status = 404
    default = "There is nothing here."


class MethodError(TimosError):
    """The path exists with other methods."""

    code = "method"
    status = 405
    default = "This address does not take that method."


class ConflictError(TimosError):
    """Something with the same name or address exists."""

    code = "conflict"
    status = 409
    default = "This exists already."


class PreconditionError(TimosError):
    """The stored document is not the one the caller knows.

    `etag` and `stored` (canonical JSON bytes) let the caller show both texts; both are None where the caller may not read.
    """

    code = "precondition"
    status = 412
    default = "The stored document is a different one. Nothing was overwritten."

    def __init__(self, detail: str | None = None, *, etag: str | None = None, stored: bytes | None = None) -> None:
        super().__init__(detail)
        self.etag = etag
        self.stored = stored


class MediaTypeError(TimosError):
    """The Content-Type is not one the route takes."""

    code = "media_type"
    status = 415
    default = "Send this as application/json."


class MisdirectedError(TimosError):
    """Host is not on the list of names this server answers to (DNS rebinding)."""

    code = "misdirected"
    status = 421
    default = "This server does not answer to that name. Its operator can add it to TIMOS_HOSTS."


class VaultLockedError(TimosError):
    """The vault exists, but this session cannot open it, or it is being erased."""

    code = "vault_locked"
    status = 423
    default = "This vault is locked."


class LimitError(TimosError):
    """Too many attempts or requests; goes out with Retry-After."""

    code = "limit"
    status = 429
    default = "Too many requests. Wait a moment and try again."

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(TimosError):
    """A part is down or full; the same request may work later. Goes out with Retry-After."""

    code = "unavailable"
    status = 503
    default = "This cannot be done right now. Try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class KeyUnavailableError(UnavailableError):
    """The key service does not answer. Users with an unlocked vault go on until their time is up."""

    code = "key_unavailable"


class DatabaseError(UnavailableError):
    """A database does not answer, is full or read-only. What was not acknowledged was not written."""

    code = "database"
    default = "The database does not take this right now. Nothing was changed."


class DecryptionError(TimosError):
    """Wrong key, wrong place, cut, swapped, planted: always this one error, with no reason (it would be an oracle)."""

    code = "crypto"
    default = "A stored record does not open. It was left as it is."


class QuotaError(TimosError):
    """The vault is full; what is in it stays readable and can be changed, exported and deleted (RFC 4918 section 11.5)."""

    code = "quota"
    status = 507
    default = "This vault is full. Delete something, or ask the operator of the server."


class StartError(TimosError):
    """The process must not start or go on; the text is for the operator and says what to do."""

    code = "start"
