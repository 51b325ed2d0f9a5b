"""Makes a wheel hold the built web app: hatchling calls this before it gathers the files."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = runpy.run_path(str(Path(__file__).with_name("web.py")))  # by its place: a build tool does not have this folder on its path


class WebHook(BuildHookInterface[Any]):
    """Of wheels only, editable ones too: an sdist has the sources, and its wheel is built like any other."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """A Node for the build environment, on a machine that has none."""
        needed: str | None = WEB["node_requirement"]()
        return [needed] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Does nothing when the app is built already."""
        try:
            WEB["build"]()
        except WEB["BuildError"] as error:
            sys.exit(f"timos: {error}")
