"""Signed checkpoints: how long the chain of events was at a time, and how it ended.

Kept where the administrator of the store cannot write (a file of another account, the upper authority, a printed
sheet), a checkpoint tells what a chain alone cannot: that its end was cut off, that all of it was written anew, that
an old copy was put back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import rfc8785
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.registry.events import as_it_stands, chain_end
from gridgis.registry.store import store_id
from gridgis.registry.tables import event


@dataclass(frozen=True)
class Checkpoint:
    """The end of a chain at a time, signed with Ed25519; `head` and `signature` in hexadecimal digits."""

    store: str
    size: int
    head: str
    at: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: RFC 8785 JSON of all but the signature."""
        return rfc8785.dumps({name: value for name, value in asdict(self).items() if name != "signature"})

    def to_json(self) -> str:
        """The checkpoint as text that :meth:`from_json` reads."""
        return rfc8785.dumps(asdict(self)).decode() + "\n"

    @classmethod
    def from_json(cls, text: str) -> Checkpoint:
        """Read a checkpoint; raises ValueError where the text is none."""
        found = json.loads(text)
        if not isinstance(found, dict) or {name: type(found.get(name)) for name in cls.__dataclass_fields__} != {
            "store": str, "size": int, "head": str, "at": str, "signature": str,
        }:  # fmt: skip
            raise ValueError("no checkpoint")
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})


def make_key(path: Path) -> Path:
    """Make a key to sign with at `path`, for its owner's eyes alone, and beside it the one to verify with.

    Returns
    -------
    Path
        Of the public key: `path` with `.pub` behind it.

    Raises
    ------
    InputRefused
        Where one of the files is there already.
    """
    public = path.with_name(path.name + ".pub")
    refuse(Fault("key", str(file), "File exists", "Name another file") for file in (path, public) if file.exists())
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for file, pem, mode in ((path, private_pem, 0o600), (public, public_pem, 0o644)):
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise InputRefused([Fault("key", str(file), str(error.strerror), "Name another file")]) from None
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
    return public


def checkpoint(connection: Connection, *, key: Path, at: str) -> Checkpoint:
    """Sign how the chain of a store ends now."""
    private = _loaded(key, lambda pem: serialization.load_pem_private_key(pem, password=None))
    if not isinstance(private, Ed25519PrivateKey):
        raise InputRefused([Fault("key", str(key), "is no Ed25519 key", "Make one with: gridgis audit key")])
    size, digest = chain_end(connection)
    bare = Checkpoint(store_id(connection), size, digest.hex() if size else "", at)
    return replace(bare, signature=private.sign(bare.signed).hex())


def against(connection: Connection, kept: Checkpoint, *, public: Path) -> list[str]:
    """What in a store cannot be if a checkpoint is true; nothing where all agrees."""
    key = _loaded(public, serialization.load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise InputRefused([Fault("key", str(public), "is no Ed25519 key", "Take the .pub of the key that signed")])
    try:
        key.verify(bytes.fromhex(kept.signature), kept.signed)
    except (InvalidSignature, ValueError):
        return ["the checkpoint was not signed with this key, or was altered"]
    here = store_id(connection)
    if kept.store != here:
        return [f"the checkpoint is of store {kept.store}, this is {here}"]
    size = connection.scalar(sa.select(sa.func.max(event.c.seq))) or 0
    if size < kept.size:
        before = f"at {kept.at} there were {kept.size}"
        return [f"there are {size} events, {before}: the end is lost, or an old copy was put back"]
    head = connection.scalar(as_it_stands(event.c.digest).where(event.c.seq == kept.size))
    if kept.size and (not isinstance(head, bytes) or head.hex() != kept.head):
        return [f"event {kept.size} is another one than at {kept.at}: the chain was written anew"]
    return []


def _loaded(path: Path, load: Callable[[bytes], object]) -> object:
    """The key in a file; None where what is there cannot be used as one."""
    try:
        return load(path.read_bytes())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    except OSError as error:
        raise InputRefused([Fault("key", str(path), str(error.strerror), "Name the file of the key")]) from None
