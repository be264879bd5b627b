"""Private fields of people and of callers, encrypted at rest: AES-GCM under a key that is kept outside the store.

Invariant: what is sealed can be opened with the same key, for the same person or case of the same store, or not at
all.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gridgis.durable import sync_folder
from gridgis.errors import Fault, InputRefused

NONCE_BYTES = 12
KEY_BITS = 256


@dataclass(frozen=True)
class Seal:
    """A key at work in one store."""

    key: bytes
    store: str
    path: str

    def sealed(self, person_id: str, fields: Mapping[str, str]) -> bytes:
        """Fields of a person, or of a case, encrypted."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, rfc8785.dumps(dict(fields)), self._whose(person_id))

    def opened(self, person_id: str, sealed: bytes) -> dict[str, str]:
        """The fields that were sealed.

        Raises
        ------
        InputRefused
            Where this is not the key, or what was sealed was altered or is another person's.
        """
        import json

        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            text = AESGCM(self.key).decrypt(nonce, rest, self._whose(person_id))
        except (InvalidTag, ValueError):
            problem = f"does not open what is kept of {person_id}"
            raise InputRefused([Fault("key", self.path, problem, "Name the key that it was sealed with")]) from None
        return {str(name): str(value) for name, value in json.loads(text).items()}

    def _whose(self, person_id: str) -> bytes:
        return rfc8785.dumps({"store": self.store, "person_id": person_id})


def make_key(path: Path) -> None:
    """Make a key at `path`, for its owner's eyes alone.

    Raises
    ------
    InputRefused
        Where there is a file already, or none can be made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputRefused([Fault("key", str(path), str(error.strerror), "Name another file")]) from None
    with os.fdopen(handle, "wb") as out:
        out.write(base64.b64encode(AESGCM.generate_key(KEY_BITS)) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    sync_folder(path)


def have_key(path: Path) -> None:
    """Make a key at `path` where there is none: it comes there whole, and of several that make one the first counts."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    make_key(draft)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path)


def load_key(path: Path, *, store: str) -> Seal:
    """The key in a file, for one store.

    Raises
    ------
    InputRefused
        Where it cannot be read, others may read it, or it is none.
    """
    try:
        mode, text = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        cure = "Name the file of the key with --key, or make one with: gridgis people key"
        raise InputRefused([Fault("key", str(path), str(error.strerror), cure)]) from None
    if stat.S_IMODE(mode) & 0o077:
        raise InputRefused([Fault("key", str(path), "may be read by others", f"Run: chmod 600 {path}")])
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) * 8 != KEY_BITS:
        raise InputRefused([Fault("key", str(path), "is no key", "Make one with: gridgis people key")])
    return Seal(key, store, str(path))
