"""Workbooks without the time at which they were written: the same content is the same bytes."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP file knows; written instead of now."""
STAMPS = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")


def timeless(scratch: BytesIO) -> bytes:
    """The same workbook without the times at which it was written."""
    out = BytesIO()
    with zipfile.ZipFile(scratch) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = STAMPS.sub(rb"\g<1>1980-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
