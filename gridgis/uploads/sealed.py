"""What the reader takes away from itself before it looks at a file: network, other files, processes, memory, time.

Limits of the process hold everywhere. A network of its own, Landlock (files) and seccomp (sockets, processes) hold
where the kernel has them; which of them do is told, and one that is missing does not stop the reader.
Source: getrlimit(2), unshare(2), landlock(7), seccomp(2); numbers of Linux for x86-64 and AArch64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from gridgis.uploads.limits import Limits

NEW_USER, NEW_NETWORK, NEW_IPC = 0x10000000, 0x40000000, 0x08000000

READ, READ_FOLDER, EXECUTE = 1 << 2, 1 << 3, 1 << 0
EVERYTHING = (1 << 13) - 1
"""Rights of Landlock in its first version: no file is read, written, made or removed but by a rule."""

NO_TCP = 0b11
CREATE_RULES, ADD_RULE, KEEP_RULES = 444, 445, 446
SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices")

PERMITTED, NO_NEW_RIGHTS, SET_SECCOMP, FILTER = 0x7FFF0000, 38, 22, 2
DENIED, ABSENT, KILLED = 0x00050001, 0x00050026, 0x80000000
THREAD = 0x00010000
X32 = 0x40000000
CALLS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        56,
        (41, 42, 49, 50, 53, 57, 58, 59, 62, 101, 165, 166, 200, 234, 272, 308, 310, 311, 321, 322, 323, 425, 434),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (39, 40, 97, 117, 129, 130, 131, 198, 199, 200, 201, 203, 221, 268, 270, 271, 280, 281, 282, 425, 434),
    ),
}
"""By machine: its number, its `clone`, and the calls that are refused: sockets, processes, signals, mounts, tracing."""

CLONE3 = 435


def seal(limits: Limits) -> list[str]:
    """Give up what reading a file does not need, for good; name what the kernel took away beyond the limits."""
    bound(limits)
    done = []
    if _own_network():
        done.append("network")
    if ctypes.CDLL(None).prctl(NO_NEW_RIGHTS, 1, 0, 0, 0) != 0:
        return done
    if _landlock():
        done.append("files")
    if _seccomp():
        done.append("calls")
    else:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return done


def bound(limits: Limits) -> None:
    """Set the limits of this process."""
    largest = max(limits.unpacked_bytes, limits.answer_bytes)
    for what, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.processor_s, limits.processor_s + 2),
        (resource.RLIMIT_FSIZE, largest, largest),
        (resource.RLIMIT_NOFILE, limits.handles, limits.handles),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))


def _own_network() -> bool:
    """Move into a network that has no address, not even of this machine."""
    return ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK | NEW_IPC) == 0


def _landlock() -> bool:
    """Keep every file but those of Python and of this folder out of reach."""
    system = ctypes.CDLL(None).syscall
    version = system(CREATE_RULES, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    attributes = struct.pack("QQ", EVERYTHING, NO_TCP)[: 16 if version >= 4 else 8]
    rules = system(CREATE_RULES, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for folder, rights in _reachable().items():
            _allow(system, rules, folder, rights)
        return system(KEEP_RULES, rules, 0) == 0
    finally:
        os.close(rules)


def _reachable() -> dict[str, int]:
    """Folders of Python to be read, this one to be written; of others on its path only what is in them."""
    code = READ | READ_FOLDER | EXECUTE
    own = str(Path(__file__).resolve().parents[1])
    out = {entry: READ_FOLDER for entry in sys.path if entry}
    out |= dict.fromkeys((*SYSTEM, *DEVICES, own, sys.prefix, sys.base_prefix), code)
    return out | dict.fromkeys([entry for entry in sys.path if "-packages" in entry], code) | {os.getcwd(): EVERYTHING}


def _allow(system: ctypes._NamedFuncPointer, rules: int, name: str, rights: int) -> None:
    try:
        handle = os.open(name, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    given = rights if os.path.isdir(name) else rights & (READ | EXECUTE)
    system(ADD_RULE, rules, 1, struct.pack("=Qi", given, handle), 0)
    os.close(handle)


def _seccomp() -> bool:
    """Refuse sockets, new processes and whatever reaches into others; threads stay."""
    known = CALLS.get(platform.machine())
    if known is None:
        return False
    program = b"".join(struct.pack("=HBBI", *step) for step in _filter(*known))
    kept = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    return ctypes.CDLL(None).prctl(SET_SECCOMP, FILTER, header, 0, 0) == 0


def _filter(machine: int, clone: int, refused: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """A program for the kernel: code, steps to go on by where true and where false, value."""
    load, equal, above, has, give = 0x20, 0x15, 0x35, 0x45, 0x06
    steps = [(load, 0, 0, 4), (equal, 1, 0, machine), (give, 0, 0, KILLED), (load, 0, 0, 0)]
    steps += [(above, 0, 1, X32), (give, 0, 0, KILLED)]
    steps += [(equal, 0, 1, CLONE3), (give, 0, 0, ABSENT)]
    for call in refused:
        steps += [(equal, 0, 1, call), (give, 0, 0, DENIED)]
    steps += [(equal, 0, 3, clone), (load, 0, 0, 16), (has, 1, 0, THREAD), (give, 0, 0, DENIED)]
    return [*steps, (give, 0, 0, PERMITTED)]
