"""What is installed, held against what is known to be bad: packages, scripts of the pages, libraries inside wheels.

python tests/audit.py [--offline]        (that is `make audit`)

Packages are those that gridgis itself needs, with its option for OpenID Connect, as they are installed here; pip-audit
asks the index of Python packages about them, npm its registry about the scripts. Neither sees the libraries that wheels
bring along: these are asked for their versions, each in a process of its own, and held against `KNOWN`.

Ends with 0 where nothing is known, 1 where something is, 2 where an index could not be asked: then what could not be
asked is said, and is no verdict.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import ctypes
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ("oidc",)
"""Options of setup.cfg that a server may have beside what it needs."""


@dataclass(frozen=True)
class Known:
    """What is known of versions of a library: those before `fixed`, from `since` on.

    Attributes
    ----------
    only, apart : wheels that it is about, all where empty; and wheels that it is not about
    held : why it does not reach us, where something of ours keeps it off; then it is told and no fault
    """

    library: str
    fixed: str
    what: str
    since: str = "0"
    only: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    held: str = ""

    def fits(self, library: str, wheel: str, version: str) -> bool:
        """Whether it is about a library as it is here."""
        found = Version(version)
        here = (wheel in self.only or not self.only) and wheel not in self.apart
        return library == self.library and here and Version(self.since) <= found < Version(self.fixed)


NO_SQL = "no statement of others runs: uploads are read under an authorizer that lets plain SELECT of ours through"
NO_NETWORK = "readers of files have no network, and our GDAL is told none"
NO_WAL = "the store keeps a rollback journal"
BOUNDED = "readers of uploads have bounded memory, and no other XML is read"
OPERATOR = "reads files of the operator alone, never uploads"
FONTS = "fonts are those of the system"
KNOWN = (
    Known(
        "SQLite", "3.51.3", "two connections that write and checkpoint at once may corrupt a WAL database", held=NO_WAL
    ),
    Known("SQLite", "3.50.2", "CVE-2025-6965: more aggregates than columns write out of bounds", held=NO_SQL),
    Known("SQLite", "3.49.1", "CVE-2025-3277: a long separator writes out of bounds", since="3.44", held=NO_SQL),
    Known("expat", "2.7.2", "CVE-2025-59375: a small document makes it ask for much memory", held=BOUNDED),
    Known("expat", "2.6.3", "CVE-2024-45490 to 45492: lengths of 2 GiB overflow", held="no text so long is parsed"),
    Known("curl", "8.4.0", "CVE-2023-38545: a long name to a SOCKS5 proxy overflows", since="7.69", held=NO_NETWORK),
    Known("OpenSSL", "3.0.0", "the branch 1.1.1 is not maintained since 2023-09", only=("fiona",), held=OPERATOR),
    Known("OpenSSL", "3.0.0", "the branch 1.1.1 is not maintained since 2023-09", apart=("fiona",)),
    Known("OpenSSL", "3.0.7", "CVE-2022-3602: a certificate's e-mail address overflows a stack", since="3.0.0"),
    Known("GDAL", "3.10", "the branch 3.9 is not maintained", only=("fiona",), held=OPERATOR),
    Known("GDAL", "3.10", "the branch 3.9 is not maintained", apart=("fiona",)),
    Known("GDAL", "3.4.1", "CVE-2021-45943: a PCIDSK file overflows a heap", since="3.3"),
    Known("zlib", "1.2.13", "CVE-2022-37434: a long extra field of a gzip header overflows a heap"),
    Known("WebP", "1.3.2", "CVE-2023-4863: a lossless picture overflows a heap"),
    Known("FreeType", "2.13.1", "CVE-2025-27363: a font with variations writes out of bounds", held=FONTS),
    Known(
        "libpq", "17.3", "CVE-2025-1094: quoting of broken text", held="values are bound, never quoted into statements"
    ),
)
"""What is known to be bad of libraries that wheels bring along, as of 2026-11."""

ASK = {
    "SQLite": ("sqlite3_libversion", ctypes.c_char_p),
    "expat": ("XML_ExpatVersion", ctypes.c_char_p),
    "curl": ("curl_version", ctypes.c_char_p),
    "zlib": ("zlibVersion", ctypes.c_char_p),
    "GEOS": ("GEOSversion", ctypes.c_char_p),
    "GDAL": ("GDALVersionInfo", ctypes.c_char_p),
    "PROJ": ("proj_info", None),
    "OpenSSL": ("OpenSSL_version", ctypes.c_char_p),
    "TIFF": ("TIFFGetVersion", ctypes.c_char_p),
    "WebP": ("WebPGetDecoderVersion", ctypes.c_int),
    "libpq": ("PQlibVersion", ctypes.c_int),
}
"""What each library is asked for its version, and what it answers."""


# ---------------------------------------------------------------- libraries inside wheels
def libraries() -> Iterator[tuple[str, str, str]]:
    """Each library that can be asked: its name, the wheel that brings it, its version."""
    yield from _of_modules()
    seen = set()
    for place in site.getsitepackages():
        for path in sorted(Path(place).glob("*.libs/*.so*")):
            wheel = path.parent.name.removesuffix(".libs")
            for library, version in _asked(path):
                if (library, wheel) not in seen:
                    seen.add((library, wheel))
                    yield library, wheel, version


def _asked(path: Path) -> list[tuple[str, str]]:
    """The libraries in a file, with their versions; a process of its own, since two copies of one may not agree."""
    done = subprocess.run(
        [sys.executable, __file__, "--ask", str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    return [tuple(row) for row in json.loads(done.stdout)] if done.returncode == 0 and done.stdout else []


def ask(path: Path) -> list[tuple[str, str]]:
    """Ask a shared library for the versions of what is in it, where it can be loaded."""
    with contextlib.suppress(ImportError):
        importlib.import_module(path.parent.name.removesuffix(".libs"))  # it loads what the library needs
    try:
        opened = ctypes.CDLL(str(path))
    except OSError:
        return []
    found = []
    for library, (name, kind) in ASK.items():
        function = getattr(opened, name, None)
        if function is None or _file_of(function) != path.resolve():
            continue  # it is not there, or in another library that this one needs
        if version := _version(library, function, kind):
            found.append((library, version))
    return found


def _file_of(function: ctypes._CFuncPtr) -> Path:
    """The file that a function was loaded from."""

    class Place(ctypes.Structure):
        _fields_ = (
            ("file", ctypes.c_char_p),
            ("base", ctypes.c_void_p),
            ("name", ctypes.c_char_p),
            ("at", ctypes.c_void_p),
        )

    place = Place()
    ctypes.CDLL(None).dladdr(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(place))
    return Path((place.file or b"").decode()).resolve()


def _version(library: str, function: ctypes._CFuncPtr, kind: type | None) -> str:
    class Info(ctypes.Structure):
        _fields_ = (
            *((name, ctypes.c_int) for name in ("major", "minor", "patch")),
            *((name, ctypes.c_void_p) for name in ("release", "version", "search", "paths")),
            ("count", ctypes.c_size_t),
        )

    function.restype = kind or Info
    said = function(*{"OpenSSL": (0,), "GDAL": (b"RELEASE_NAME",)}.get(library, ()))
    if library == "PROJ":
        return f"{said.major}.{said.minor}.{said.patch}"
    if library == "WebP":
        return f"{said >> 16}.{said >> 8 & 255}.{said & 255}"
    if library == "libpq":
        return f"{said // 10_000}.{said % 10_000}"
    return number_in(said.decode())


def number_in(text: str) -> str:
    """The first number of a version in a text; letters after it, as in 1.1.1w, are left out."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return found[0] if found else ""


def _of_modules() -> Iterator[tuple[str, str, str]]:
    """What Python and modules say of themselves: what is linked into them cannot be asked from outside."""
    import pyexpat
    import sqlite3
    import ssl
    import zlib

    from cryptography.hazmat.backends.openssl import backend
    from matplotlib import ft2font

    yield "SQLite", "Python", sqlite3.sqlite_version
    yield "expat", "Python", number_in(pyexpat.EXPAT_VERSION.replace("_", " "))
    yield "OpenSSL", "Python", number_in(ssl.OPENSSL_VERSION)
    yield "zlib", "Python", number_in(zlib.ZLIB_RUNTIME_VERSION)
    yield "OpenSSL", "cryptography", number_in(backend.openssl_version_text())
    yield "FreeType", "matplotlib", ft2font.__freetype_version__


def told_of_libraries() -> int:
    """Print what is inside wheels, and what is known of it; give the number of faults."""
    faults = 0
    print("Libraries inside wheels:")
    for library, wheel, version in sorted(libraries()):
        print(f"  {library:<9}{version:<10}{wheel}")
        for known in KNOWN:
            if known.fits(library, wheel, version):
                faults += not known.held
                mark = f"held off: {known.held}" if known.held else "BAD"
                print(f"           - {known.what} (before {known.fixed}; {mark})")
    return faults


# ---------------------------------------------------------------- packages and scripts
def needed() -> dict[str, str]:
    """The packages that gridgis needs, with what they need, and their versions here."""
    told = configparser.ConfigParser()
    told.read(ROOT / "setup.cfg", encoding="utf-8")
    own = [told["options"]["install_requires"], *(told["options.extras_require"][name] for name in OPTIONS)]
    waiting = [Requirement(line) for text in own for line in text.split("\n") if line.strip()]
    found: dict[str, str] = {}
    done = set()
    while waiting:
        one = waiting.pop()
        found[one.name.lower()] = importlib.metadata.version(one.name)
        for extra in {"", *one.extras} - {extra for name, extra in done if name == one.name.lower()}:
            done.add((one.name.lower(), extra))
            below = [Requirement(text) for text in importlib.metadata.requires(one.name) or ()]
            waiting += [need for need in below if need.marker is None or need.marker.evaluate({"extra": extra})]
    return dict(sorted(found.items()))


def told_of_packages(*, offline: bool) -> tuple[int, bool]:
    """Print what pip-audit knows of the packages; the number of faults, and whether it could ask."""
    packages = needed()
    print(f"\nPackages that gridgis needs: {len(packages)}")
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "needed.txt"
        listed.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
        command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(listed), "-f", "json"]
        said = _run(command, offline=offline, missing="pip_audit")
    try:
        rows = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        print(f"  NOT ASKED: pip-audit could not ask the index of packages: {_last(said)}")
        return 0, False
    bad = [(row, one) for row in rows for one in row.get("vulns", ())]
    for row, one in bad:
        print(
            f"  BAD {row['name']} {row['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'none'}"
        )
    skipped = [row["name"] for row in rows if "skip_reason" in row]
    if skipped:
        print(f"  NOT ASKED: the index tells nothing of {len(skipped)} of them: {', '.join(skipped[:5])} …")
    print(f"  {len(bad)} faults are known of the other {len(rows) - len(skipped)}")
    return len(bad), not skipped


def told_of_scripts(*, offline: bool) -> tuple[int, bool]:
    """Print what npm knows of the scripts of the pages, without what only builds them."""
    print("\nScripts of the pages:")
    said = _run(["npm", "audit", "--omit=dev", "--json"], offline=offline, missing="npm")
    try:
        counts = json.loads(said)["metadata"]["vulnerabilities"]
    except (ValueError, KeyError):
        print(f"  NOT ASKED: npm could not ask its registry: {_last(said)}")
        return 0, False
    print(f"  {counts['total']} faults are known: {', '.join(f'{n} {kind}' for kind, n in counts.items() if n)}")
    return int(counts["total"]), True


def _run(command: list[str], *, offline: bool, missing: str) -> str:
    """What a program says that asks an index; an empty text where it is not there or nothing may be asked."""
    if offline:
        return "--offline was given"
    there = shutil.which(missing) or importlib.util.find_spec(missing)
    if not there:
        return f"{missing} is not installed"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "no answer after ten minutes"
    return done.stdout if done.stdout.strip() else done.stderr


def _last(said: str) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        said = json.loads(said).get("message") or said
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return re.sub(r"https?://\S+", "…", lines[-1])[:200] if lines else "it said nothing"


def main() -> int:
    """Audit; the status that tells what came of it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--offline", action="store_true", help="ask no index: libraries inside wheels alone")
    options.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.ask:
        print(json.dumps(ask(given.ask)), flush=True)
        os._exit(0)  # what was loaded may not like to be let go
    faults = told_of_libraries()
    asked = [told_of_packages(offline=given.offline), told_of_scripts(offline=given.offline)]
    faults += sum(number for number, _ in asked)
    print(
        f"\n{faults} faults that nothing holds off"
        + ("" if all(could for _, could in asked) else "; not all was asked")
    )
    return 1 if faults else 0 if all(could for _, could in asked) else 2


if __name__ == "__main__":
    sys.exit(main())
