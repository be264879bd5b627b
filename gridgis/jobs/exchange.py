"""Jobs between this program and other tools: a division drawn elsewhere in, a division out in the formats of others."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.declared import one_of
from gridgis.jobs.division import Progress, divided, made_now, target_crs
from gridgis.profile import Profile, load_profile
from gridgis.schema import GENERAL, Division

if TYPE_CHECKING:
    from pyproj import CRS

    from gridgis.exchange.imported import Imported
    from gridgis.exchange.work import Declared

Attributes = Literal["db11"]
FORMATS = (".gpkg", ".shp", ".zip", ".geojson", ".csv", ".xlsx")
"""Endings of files that a division can be written to."""

REPORTS = (".csv", ".xlsx")


def import_division(
    source: str | Path,
    output: str | Path | None = None,
    *,
    zones: str | None = None,
    microgrids: str | None = None,
    atoms: str | None = None,
    streets: str | None = None,
    buildings: str | None = None,
    known: str | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    profile: Profile | str | Path = "default",
    dry_run: bool = False,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Make a division of one that was drawn elsewhere, and write it to `output`.

    Land, codes and names without a fault stay as they are; the rest is repaired and every repair listed. What comes
    out holds all hard rules.

    Parameters
    ----------
    source : `FILE` or `FILE:LAYER` of the grids; a `.zip` or a folder of Shapefiles too; or a CSV or XLSX that tells
        the grid of each building or atom
    output : GeoPackage; None, as with `dry_run`, writes none
    zones, microgrids, streets, buildings : `FILE` or `FILE:LAYER`; zones and micro-grids of the source by default
    atoms : division whose atoms a table gives to grids
    known : division whose borders and lines tell what lies under borders, where no streets are given
    rename, crs_of : as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them
    encoding : of the texts of Shapefiles and CSV, "utf-8" or "gbk"; told by themselves by default
    crs : of the result; that of the grids by default
    dry_run : tell all there is to tell, refuse nothing and write no division
    report : `.csv` or `.xlsx` of every change and every fault; written also where the import is refused

    Raises
    ------
    InputRefused
        With every fault that cannot be repaired; with `dry_run` only where a file cannot be read at all.
    """
    from gridgis.exchange.work import Declared
    from gridgis.layers import refuse_target, write_division

    beside = {"zones": zones, "microgrids": microgrids, "atoms": atoms, "streets": streets, "buildings": buildings}
    given = {role: text for role, text in beside.items() if text is not None}
    read = [str(source), *given.values(), *([] if known is None else [known])]
    for target in (output, report):
        if target is not None:
            refuse_target(target, inputs=read)
    if report is not None and Path(report).suffix.lower() not in REPORTS:
        raise InputRefused([Fault("output", str(report), "a report is a table", "End its name on .xlsx or .csv")])
    said = Declared(rename or {}, crs_of or {}, encoding)
    found = _imported(str(source), given, said, load_profile(profile), target_crs(crs), progress, known=known)
    if report is not None:
        _write_report(found, Path(report))
    if dry_run or output is None:
        return found
    refuse(found.faults)
    if found.division is None:
        raise AssertionError("an import without a fault gave no division")
    write_division(found.division, output)
    return found


def _imported(
    source: str,
    given: Mapping[str, str],
    said: Declared,
    policy: Profile,
    crs: CRS | None,
    progress: Progress | None,
    *,
    known: str | None = None,
) -> Imported:
    from gridgis.exchange.imported import imported
    from gridgis.exchange.opened import opened
    from gridgis.layers.source import split_source
    from gridgis.layers.tables import TABLES

    info = {
        "profile": policy.name,
        "profile_toml": policy.to_toml(),
        "version": version_of("gridgis"),
        "created_at": made_now(),
    }
    if Path(split_source(source)[0]).suffix.lower() in TABLES:
        return _of_table(source, given, said, policy, crs, info, progress)
    if "atoms" in given:
        cure = "Leave it out, or give a CSV or XLSX that tells the grid of each atom"
        raise InputRefused([Fault("atoms", given["atoms"], "is of use with a table alone", cure)])
    with opened(source, given) as sources:
        under = {} if known is None else {"lines": known}
        return imported({**under, **sources}, said, profile=policy, crs=crs, info=info, progress=progress)


def _of_table(
    source: str,
    given: Mapping[str, str],
    said: Declared,
    policy: Profile,
    crs: CRS | None,
    info: Mapping[str, Any],
    progress: Progress | None,
) -> Imported:
    """A division of atoms whose grids a table tells; without a division its zones are divided first."""
    from gridgis.exchange.relabel import relabelled
    from gridgis.exchange.work import Work
    from gridgis.layers import read_division, read_inputs, read_layer

    used = {"atoms", "buildings"} if "atoms" in given else {"zones", "streets", "buildings"}
    told = "is of no use with a table of " + ("the atoms of a division" if "atoms" in given else "buildings")
    refuse(Fault(role, given[role], told, "Leave it out") for role in sorted(given.keys() - used))
    work = Work(policy, progress=progress)
    work.within("read")
    rename = {role: names for role, names in said.rename.items() if role != "table"}
    if "atoms" in given:
        if crs is not None:
            raise InputRefused([Fault("--crs", "", "atoms stay in their CRS", "Leave it out")])
        base = read_division(given["atoms"])
        buildings = None
        if "buildings" in given:
            buildings = read_layer(
                "buildings", given["buildings"], rename=rename, crs_of=said.crs_of, encoding=said.encoding
            )
    elif {"zones", "buildings"} <= given.keys():
        layers = {role: given.get(role) for role in ("zones", "streets", "buildings")}
        inputs = read_inputs(layers, rename=rename, crs_of=said.crs_of, profile=policy)
        base = divided(
            inputs, profile=policy, earlier=None, align="none", crs=crs, seed=0, jobs=1, effort=1, progress=None
        )
        buildings = inputs.buildings
    else:
        cure = "Give --atoms DIVISION.gpkg, or --zones and --buildings (and --streets)"
        raise InputRefused([Fault("table", source, "tells grids, and nothing tells their land", cure)])
    return relabelled(base, source, said, buildings=buildings, info=info, work=work)


def _write_report(found: Imported, path: Path) -> None:
    from gridgis.exchange.lists import write_csv

    table = found.report()
    if path.suffix.lower() == ".csv":
        write_csv({"grids": table}, path)
        return
    from gridgis.publish.heat_tables import write_tables

    write_tables(path, {"import": table})


def export_division(
    output: str | Path,
    *,
    division: Division | str | Path | None = None,
    store: str | None = None,
    version: int | None = None,
    district: str | None = None,
    at: str | None = None,
    network: str = GENERAL,
    encoding: str = "utf-8",
    decimals: int | None = None,
    attributes: Attributes | None = None,
    language: Literal["en", "zh"] = "en",
) -> tuple[Path, ...]:
    """Write a division in a format that other tools read, by the ending of `output`; give every file written.

    Parameters
    ----------
    output : `.gpkg` (all layers), `.shp` (a file for each layer of land), `.zip` (these in one file), `.geojson` (WGS
        84), `.csv` or `.xlsx` (lists of codes)
    division, store : one of them; of a store `version`, or what is in force in `district` at a time, now by default
    encoding : of a Shapefile or CSV, "utf-8" or "gbk"
    decimals : of degrees in GeoJSON
    attributes : "db11" writes the grids alone, with the attributes of unit grids
    language : of all words of XLSX

    Raises
    ------
    InputRefused
        With everything that the format cannot hold; nothing is written then.
    """
    from gridgis.layers import refuse_target

    if (division is None) == (store is None):
        raise one_of("a division or a store", "a division, or --store with --version or --district")
    refuse_target(output, inputs=[store, division if isinstance(division, str | Path) else None])
    target = Path(output)
    if target.suffix.lower() not in FORMATS:
        cure = f"End its name on {', '.join(FORMATS)}"
        raise InputRefused([Fault("output", str(target), f"no format ends on {target.suffix or 'nothing'}", cure)])
    out, begins = _out(division, store, version, district, at, network)
    if attributes is not None:
        return _write_units(out, begins, target, encoding=encoding, decimals=decimals, language=language)
    return _write(out, target, encoding=encoding, decimals=decimals, language=language)


def _out(
    division: Division | str | Path | None,
    store: str | None,
    version: int | None,
    district: str | None,
    at: str | None,
    network: str,
) -> tuple[Division, dict[str, str]]:
    """The division, and when each code of a store came into force."""
    from gridgis.jobs import registry
    from gridgis.layers import read_division

    if isinstance(division, Division):
        return division, {}
    if division is not None:
        return read_division(division), {}
    if store is None or (version is None) == (district is None):
        raise one_of("a version or a district", "either --version or --district")
    if version is not None:
        out = registry.version(store, version)
    else:
        out = registry.in_force(store, str(district), at=at, network=network)
    return out, registry.beginnings(store, out.grids["grid_code"], network=network)


def _write(division: Division, path: Path, *, encoding: str, decimals: int | None, language: Any) -> tuple[Path, ...]:
    from gridgis.exchange import geojson, lists, shapefile
    from gridgis.layers import write_division
    from gridgis.publish.code_lists import write_code_lists

    suffix = path.suffix.lower()
    if suffix in (".shp", ".zip"):
        return shapefile.write(division, path, encoding=encoding)
    if suffix == ".geojson":
        return geojson.write(division, path, decimals=geojson.DECIMALS if decimals is None else decimals)
    if suffix == ".csv":
        return lists.write_csv(lists.code_lists(division), path, encoding=encoding)
    if suffix == ".xlsx":
        write_code_lists(path, lists.code_lists(division), language=language)
    else:
        write_division(division, path)
    return (path,)


def _write_units(
    division: Division,
    begins: Mapping[str, str],
    path: Path,
    *,
    encoding: str,
    decimals: int | None,
    language: Any,
) -> tuple[Path, ...]:
    """Write the grids with the attributes of unit grids after DB11."""
    from gridgis.exchange import units

    found = units.unit_grids(division, begins=begins)
    if path.suffix.lower() != ".xlsx":
        made = str(division.info.get("created_at") or "")
        return units.write(found, path, encoding=encoding, decimals=decimals, made_at=made)
    from gridgis.publish.code_lists import write_code_lists

    write_code_lists(path, {units.LAYER: units.table(found)}, language=language)
    return (path,)
