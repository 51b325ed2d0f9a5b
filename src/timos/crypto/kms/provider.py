"""What TimOS asks of a key service, whatever its kind."""

from typing import Protocol


class KeyProvider(Protocol):
    """Encrypts a few bytes at a time (a key and a hash, 64) under a master key that never leaves the service.

    `ref` names the version of the master key. It is stored in clear beside the result, so it is not trusted: a provider opens
    only refs that it was configured with.

    Raises (every method):
        KeyUnavailableError: the service does not answer.
        DecryptionError: unknown ref, or bytes that were not made under it.
    """

    @property
    def primary(self) -> str:
        """The ref that `encrypt` and `rewrap` use."""
        ...

    async def encrypt(self, key: bytes) -> tuple[str, bytes]:
        """(ref, encrypted key)."""
        ...

    async def decrypt(self, ref: str, edk: bytes) -> bytes: ...

    async def rewrap(self, ref: str, edk: bytes) -> tuple[str, bytes]:
        """The same key under the primary version, moved inside the service where that is possible."""
        ...
