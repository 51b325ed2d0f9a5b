"""What every object that holds a key has in common: it does not show itself and cannot be written down."""

from typing import NoReturn, SupportsIndex


class Guarded:
    """Base of all classes with a key inside. Empty slots, so that subclasses can have slots of their own."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: hidden>"

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn:
        # pickle and copy both come through here; TypeError is the error that their callers know
        raise TypeError(f"{type(self).__name__} holds a key: it can be neither pickled nor copied")
