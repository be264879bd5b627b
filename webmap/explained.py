"""Every setting of a server with what it is for, as a file to begin with."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from textwrap import wrap

from webmap.settings import ENVIRONMENT, SECRETS, Settings

HEAD = f"""\
# Settings of `gridgis serve --config FILE.toml`. What stands behind a # is what holds without it.
# Each may come from the environment instead, such as {ENVIRONMENT}STORE; that goes before the file.
"""


def meanings() -> dict[str, str]:
    """What each setting is for, in the words of :class:`webmap.settings.Settings`."""
    told = re.findall(
        r"^([a-z_0-9]+(?:, [a-z_0-9]+)*) : (.+(?:\n    .+)*)$", inspect.getdoc(Settings) or "", re.MULTILINE
    )
    return {name: " ".join(text.split()) for names, text in told for name in names.split(", ")}


def template() -> str:
    """A file of settings in which all stand behind a #."""
    blocks, last = [HEAD], ""
    told = meanings()
    for one in fields(Settings):
        text = told[one.name]
        lines = [] if text == last else ["", *wrap(text, 118, initial_indent="# ", subsequent_indent="# ")]
        blocks.append("\n".join([*lines, _line(one.name, one.default)]))
        last = text
    return "\n".join(blocks)


def _line(name: str, default: object) -> str:
    if name in SECRETS:
        return f"# by the environment alone: {ENVIRONMENT}{name.upper()}"
    return f"#{name} = {json.dumps(list(default) if isinstance(default, tuple) else default)}"
