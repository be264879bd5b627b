"""Archives: their table of contents looked at before they are unpacked, bytes counted while they are.

Source: PKWARE APPNOTE 6.3; the bombs of D. Fifield, "A better zip bomb" (2019), whose files overlap.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gridgis.uploads.limits import MIB, Limits
from gridgis.uploads.names import points_elsewhere, refused, shown

END = struct.Struct("<4s4H2IH")
"""The record at the end: signature, two disks, files here and in all, size and place of the contents, a comment."""

LARGEST_ENTRY = 1024
LOCAL = 30
LINK, FOLDER, PLAIN = 0o120000, 0o040000, 0o100000
STEP = 1 << 16
SMALL = 8 * MIB
"""Up to here any ratio is taken: tables of blanks pack well."""

BROKEN = (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, struct.error)
"""What reading a damaged archive raises; zlib's own error comes on top."""

AGAIN = "Pack the files anew in a plain .zip, and nothing else"


@contextmanager
def archive(path: Path, *, most: int) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """An archive and the files in it, which lie one behind the other from the first byte to the last.

    Raises
    ------
    InputRefused
        Where it is damaged, holds more than `most` files, links, files with a password, files that overlap, or names
        that lead out of it.
    """
    import zlib

    contents, at = _end(path, most)
    try:
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
            if len(members) != contents:
                raise refused("its table of contents is not true", AGAIN)
            _in_a_row(members, at)
            _plain(members)
            yield opened, members
    except (*BROKEN, zlib.error):
        raise refused("cannot be unpacked", "Fetch it again: it is damaged or was cut off") from None


def inflated(opened: zipfile.ZipFile, member: zipfile.ZipInfo, *, left: int, limits: Limits) -> Iterator[bytes]:
    """Unpack one file, piece by piece, and stop where it grows too large; `left` bytes may come.

    Raises
    ------
    InputRefused
    """
    count = 0
    with opened.open(member) as part:
        while data := part.read(STEP):
            count += len(data)
            if count > left:
                raise refused(f"unpacks to more than {limits.unpacked_bytes} bytes", "Send its parts one by one")
            if count > SMALL and count > limits.ratio * max(member.compress_size, 1):
                problem = f"{shown(member.filename)} unpacks to more than {limits.ratio} times its size"
                raise refused(problem, "Send its parts one by one, or pack it less")
            yield data


def name_of(member: zipfile.ZipInfo) -> str:
    """The name of a file, to the last character that stands in the archive."""
    return decoded(member.orig_filename, member)


def decoded(name: str, member: zipfile.ZipInfo) -> str:
    """A name as it was meant: archives of Windows in Chinese write it in GBK and do not say so."""
    if member.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("gb18030")
    except UnicodeError:
        return name


def _end(path: Path, most: int) -> tuple[int, int]:
    """Number of files and where the table of contents begins, by the record at the very end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - END.size, 0))
        record = file.read()
    if len(record) < END.size or record[:4] != b"PK\x05\x06":
        raise refused("is no whole archive, or something lies behind it", AGAIN)
    _, disk, first, here, every, length, at, comment = END.unpack(record)
    if every > most or here > most:
        raise refused(f"holds {max(every, here)} files, {most} are the most", AGAIN)
    whole = at + length + END.size == size and not (disk or first or comment) and here == every
    if not whole or length > LARGEST_ENTRY * most:
        raise refused("its table of contents is not true", AGAIN)
    return every, at


def _in_a_row(members: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Raise where files of an archive share bytes, or where the first one is not its beginning."""
    rows = sorted(members, key=lambda member: member.header_offset)
    starts = [member.header_offset for member in rows] + [end]
    packed = (LOCAL + member.compress_size for member in rows)
    fits = all(start + size <= after for start, size, after in zip(starts, packed, starts[1:], strict=False))
    if starts[0] != 0 or not fits:
        raise refused("its files lie over one another", AGAIN)


def _plain(members: Sequence[zipfile.ZipInfo]) -> None:
    """Raise for links, devices, passwords, ways of packing that are not taken, and names that lead out."""
    seen = set()
    for member in members:
        name, mode = name_of(member), member.external_attr >> 16 & 0o170000
        if name.startswith("/") or "\\" in name or ":" in name or points_elsewhere(name):
            raise refused(f"holds a file {shown(name)!r} whose name leads out of it", AGAIN)
        if mode not in (0, FOLDER, PLAIN):
            raise refused(f"holds a link or device, {shown(name)!r}", AGAIN)
        if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(f"{shown(name)} has a password or is packed in a way that is not taken", AGAIN)
        if name.lower() in seen:
            raise refused(f"holds {shown(name)} twice", AGAIN)
        seen.add(name.lower())
