"""Sealed files: kept whole, once, under the digest of their bytes."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.tables import attachment

LARGEST = 20_000_000
"""Bytes of the largest file that a store takes."""


def attach(connection: Connection, name: str, content: bytes) -> bytes:
    """Keep a file; give its digest, which events tell of it.

    Raises
    ------
    InputRefused
        Where it is empty or larger than :data:`LARGEST`.
    """
    if not 0 < len(content) <= LARGEST:
        problem = f"has {len(content)} bytes"
        raise InputRefused([Fault("file", name, problem, f"Attach one of 1 to {LARGEST} bytes")])
    digest = hashlib.sha256(content).digest()
    if connection.scalar(sa.select(attachment.c.digest).where(attachment.c.digest == digest)) is None:
        connection.execute(sa.insert(attachment).values(digest=digest, name=name, bytes=content))
    return digest


def attached(connection: Connection, digest: bytes) -> tuple[str, bytes]:
    """The name and the bytes of a file.

    Raises
    ------
    InputRefused
        Where there is none with the digest, or its bytes are no longer those.
    """
    row = connection.execute(sa.select(attachment).where(attachment.c.digest == digest)).first()
    if row is None:
        raise InputRefused([Fault("file", digest.hex(), "is not in the store", "See: gridgis steps")])
    content = bytes(row.bytes)
    if hashlib.sha256(content).digest() != digest:
        raise InputRefused([Fault("file", digest.hex(), "was altered", "Restore a backup; see: gridgis audit verify")])
    return row.name, content
