"""What is looked for, and what was found."""

import base64
import secrets
from dataclasses import dataclass, field

from timos.cli.leaksearch import Canary


@dataclass(slots=True)
class Report:
    """`leaks` say where what was found, never the canary's neighbourhood; empty means that the promise held."""

    leaks: list[str] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    needles: int = 0
    checks: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.leaks


@dataclass(slots=True)
class Words:
    """The canaries of this run: a new text each time it is asked, remembered under its name."""

    canaries: list[Canary] = field(default_factory=list)

    def new(self, name: str) -> str:
        """Lower case and digits, so that it may stand in an address, a header or a path."""
        return self.add(name, f"canary{name.replace(' ', '')}{secrets.token_hex(8)}")

    def add(self, name: str, text: str, *allowed: str) -> str:
        self.canaries.append(Canary.of_text(name, text, *allowed))
        return text

    def add_id(self, name: str, text: str, *allowed: str) -> None:
        """An id: its 16 bytes, and its text, which is their base64."""
        self.canaries.append(Canary.of_bytes(name, base64.urlsafe_b64decode(f"{text}=="), *allowed))
