"""Vectors that others published, in the text format of the package `cryptography-vectors`."""

from collections.abc import Iterator

import cryptography_vectors


def cases(name: str, first: str) -> Iterator[dict[str, str]]:
    """One dictionary, with keys in lower case, for each group of lines; `first` is the key that begins a group."""
    case: dict[str, str] = {}
    with cryptography_vectors.open_vector_file(name, "r") as file:
        for line in file:
            key, separator, value = (part.strip() for part in line.partition("="))
            if not separator or line.startswith("#"):
                continue
            if key.lower() == first and case:
                yield case
                case = {}
            case[key.lower()] = value
    yield case
