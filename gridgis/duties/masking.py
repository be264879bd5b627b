"""Telephone numbers as they are shown to those who may not see them."""

from __future__ import annotations

import re

HIDDEN = "****"
BEGINNING, END = 3, 4
"""Digits that are left of a long number."""
LONG = 10
"""Numbers of so many digits are long; of a shorter one only its end is left."""


def masked(phone: str) -> str:
    """A number of which enough is hidden that nobody can call it: 138****1234, ****11; nothing of nothing.

    What has no digit in it is hidden whole.
    """
    digits = re.sub(r"\D", "", phone)
    if not phone.strip():
        return ""
    if len(digits) >= LONG:
        return f"{digits[:BEGINNING]}{HIDDEN}{digits[-END:]}"
    return HIDDEN + digits[-2:] if len(digits) > END else HIDDEN
