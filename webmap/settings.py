"""What a server is told: by a TOML file, and by variables of its environment, which go before it.

Invariant: nothing secret has a default, and no host is asked that does not stand here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis.errors import Fault, InputRefused, refuse

if TYPE_CHECKING:
    from gridgis.jobs import Sources

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ENVIRONMENT = "GRIDGIS_"
"""`GRIDGIS_STORE` is `store`, and so on; lists are separated by commas."""


@dataclass(frozen=True)
class Settings:
    """What a server is told.

    Attributes
    ----------
    store : file or `postgresql://` address of the store that is served
    division : GeoPackage that is shown instead of a store, to look at alone
    state : folder of what may be made again: tiles, uploads, results, counters; and of what is to be kept: the key of
        the accounts, scans behind the planner's map; beside the store by default, to be named where that is on
        PostgreSQL
    network, timezone : of the versions, and of times without an offset
    title : of the city
    hosts : names by which the server may be called, beside loopback
    link : address by which the public finds the server, for QR codes, such as `https://grid.example.gov.cn`
    prefix : path under which a proxy serves it, such as `/gridgis`
    proxies : how many proxies stand before it; what they tell of the caller is believed
    secure : whether it is reached by HTTPS: cookies go nowhere else then
    hotline : number that the public calls
    gazetteer, streets, buildings, water, components : files of the city, as the commands take them
    pyramid : folder of counted cases, as `gridgis count` makes it
    open311_public : whether everybody may read requests by Open311, where they lie and how they stand
    people_key : file of the key by which private fields are encrypted
    own_attribution : what the sources of streets, buildings and water ask to be said on a map; may hold links as HTML
    base_tiles, base_attribution : XYZ addresses of a map that may lie under ours, one drawn over the other, with `{z}`,
        `{x}`, `{y}`, `{0-7}` for hosts that are asked in turn, and `{key}`; and what it asks to be said of it. It is to
        be in WGS 84 or CGCS 2000: maps in GCJ-02 lie up to 700 m off
    base_max_zoom, base_tile_px : the last zoom that it has, and the pixels of a tile across
    base_key, base_key_file : its key, or the file that holds it; browsers are told it, no log is. The first is taken
        from the environment alone
    oidc_issuer, oidc_client, oidc_secret_file : of an OpenID provider
    log : whether a line is written for each request
    second_factor : roles that must have a second factor
    results_days : days for which files are kept that background work has made; 0 for ever
    webhook_hosts : hosts that may be told of approvals and cases: `host`, or `host:port` where that is no usual one
    """

    store: str = ""
    division: str = ""
    state: str = ""
    network: str = "general"
    timezone: str = "Asia/Shanghai"
    title: str = ""
    hosts: tuple[str, ...] = ()
    link: str = ""
    prefix: str = ""
    proxies: int = 0
    secure: bool = False
    hotline: str = "12345"
    gazetteer: str = ""
    streets: str = ""
    buildings: str = ""
    water: str = ""
    components: str = ""
    pyramid: str = ""
    open311_public: bool = False
    people_key: str = ""
    own_attribution: str = ""
    base_tiles: tuple[str, ...] = ()
    base_attribution: str = ""
    base_max_zoom: int = 18
    base_tile_px: int = 256
    base_key: str = field(default="", repr=False)
    base_key_file: str = ""
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret_file: str = ""
    second_factor: tuple[str, ...] = ()
    log: bool = True
    results_days: int = 30
    webhook_hosts: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of what may be made again, and of the key of the accounts.

        Raises
        ------
        InputRefused
            Where the store lies on PostgreSQL, beside which there is no folder, and none is named.
        """
        if not self.state and "://" in self.store:
            cure = "Set GRIDGIS_STATE, or state in the file of settings, to a folder of the server alone"
            raise InputRefused([Fault("state", "", "must be named for a store on PostgreSQL", cure)])
        return Path(self.state or f"{self.store or self.division}.state")

    @property
    def accounts_key(self) -> Path:
        """The key by which secrets of accounts and webhooks are encrypted: made at the first start, kept for ever."""
        return self.folder / "accounts.key"

    @property
    def trusted(self) -> list[str]:
        """Names by which the server may be called."""
        return [*LOOPBACK, *self.hosts]

    @property
    def sources(self) -> Sources:
        """The files of the city by which cases are answered."""
        from gridgis.jobs import Sources

        return Sources(
            gazetteer=self.gazetteer or None, streets=self.streets or None, components=self.components or None
        )


SECRETS = ("base_key",)
"""Settings that stand in no file of settings, which others may read."""
KINDS = {one.name: type(one.default) for one in fields(Settings)}


def read_settings(path: str | Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read what a server is told.

    Parameters
    ----------
    path : TOML file; without it that of `GRIDGIS_CONFIG`, else none
    environment : the variables of the process by default

    Raises
    ------
    InputRefused
        With every name that is none, and every value of another kind.
    """
    told = os.environ if environment is None else environment
    path = path or told.get(f"{ENVIRONMENT}CONFIG")
    written = _of_file(Path(path)) if path else {}
    given = dict(written)
    for name, kind in KINDS.items():
        if (text := told.get(f"{ENVIRONMENT}{name.upper()}")) is not None:
            given[name] = _of_text(text, kind)
    faults = [_wrong(name, value) for name, value in given.items()]
    faults += [_open_secret(name) for name in SECRETS if name in written]
    refuse(fault for fault in faults if fault is not None)
    return settings_of(given)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings of values as TOML and JSON have them."""
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Settings(**given)


def _of_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputRefused([Fault("settings", str(path), str(error), "Name a TOML file")]) from None


def _of_text(text: str, kind: type) -> Any:
    if kind is bool:
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}.get(
            text.lower(), text
        )
    if kind is int:
        return int(text) if text.isdecimal() else text
    return [part.strip() for part in text.split(",") if part.strip()] if kind is tuple else text


def _open_secret(name: str) -> Fault:
    cure = f"Write it in a file of its own and name that by {name}_file, or set {ENVIRONMENT}{name.upper()}"
    return Fault("settings", name, "is a secret and stands in the file of settings", cure)


def _wrong(name: str, value: Any) -> Fault | None:
    kind = KINDS.get(name)
    if kind is None:
        return Fault("settings", name, "is no setting", f"Settings are {', '.join(KINDS)}")
    words = {str: "text", bool: "true or false", int: "a whole number", tuple: "a list of texts"}
    right = (
        isinstance(value, list) and all(isinstance(one, str) for one in value) if kind is tuple else type(value) is kind
    )
    return None if right else Fault("settings", name, f"is {value!r}", f"Write {words[kind]}")
