"""Make the demo district: `python data/make_demo.py [--seed N] [--out FOLDER] [--division FILE] [--truth FILE]`.

Writes the layers, tables and cases that data/README.md lists; everything in them is made up. The same seed gives
the same bytes with the same versions of the libraries.
"""

from __future__ import annotations

import argparse
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
from demo_town.city import City, make_city, sample
from demo_town.grids import grids_of, read_grids
from demo_town.town import SEED, Town, make_town

HERE = Path(__file__).parent
GRIDS = HERE / "demo" / "grids.csv"
MADE = "2026-01-01T00:00:00Z"
"""The time written into every file, so that it is the same file every time."""


def write(town: Town, folder: Path) -> None:
    """Write the layers and the table of `town` into `folder`, each beside its place first."""
    folder.mkdir(parents=True, exist_ok=True)
    _beside(folder / "district.gpkg", lambda part: _write_layers(town.layers, part))
    _beside(folder / "households.xlsx", lambda part: _write_sheets(town.sheets, part))


def write_city(city: City, folder: Path, *, seed: int) -> None:
    """Write people, duties, components, places, addresses and cases into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses = {"addresses": pd.DataFrame(city.addresses.drop(columns="geometry"))}
    _beside(folder / "parties.xlsx", lambda part: _write_sheets(city.parties, part))
    _beside(folder / "city.gpkg", lambda part: _write_layers(city.layers, part))
    _beside(folder / "addresses.xlsx", lambda part: _write_sheets(addresses, part))
    _beside(folder / "planted.csv", lambda part: _write_csv(city.cases.planted, part))
    cases = city.cases.cases
    _beside(
        folder / "cases.parquet",
        lambda part: cases.to_parquet(part, compression="zstd", compression_level=19, index=False),
    )
    export = sample(cases, seed)
    _beside(
        folder / "cases_sample.csv",
        lambda part: export.to_csv(part, sep=";", encoding="gbk", index=False, lineterminator="\r\n"),
    )


def _beside(path: Path, writer: Callable[[Path], None]) -> None:
    """Write beside `path`, then put it in its place."""
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    part.unlink(missing_ok=True)
    writer(part)
    os.replace(part, path)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, lineterminator="\n")


def _write_layers(layers: Mapping[str, gpd.GeoDataFrame], path: Path) -> None:
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": MADE})
    for name, layer in layers.items():
        layer.to_file(path, layer=name, driver="GPKG", engine="pyogrio", promote_to_multi=False)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write_sheets(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, sheet in sheets.items():
            sheet.to_excel(book, sheet_name=name, index=False)
    _steady(path)


def _steady(path: Path) -> None:
    """Replace the times in a workbook, which are those of its writing."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    core = parts["docProps/core.xml"].decode()
    parts["docProps/core.xml"] = re.sub(r"(?<=>)\d{4}-\d\d-\d\dT[\d:]{8}Z(?=<)", MADE, core).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        for name, content in parts.items():
            book.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def main() -> None:
    """Read the options, make the district and its city, write them, say what they hold."""
    parser = argparse.ArgumentParser(description="Make the demo district.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=HERE / "demo")
    parser.add_argument("--division", type=Path, help="a division of the district: write its grids to demo/grids.csv")
    parser.add_argument("--truth", type=Path, help="also write the true place of every case (Parquet)")
    options = parser.parse_args()
    if options.division:
        _write_csv(grids_of(options.division), GRIDS)
    town = make_town(options.seed)
    city = make_city(town.layers, read_grids(GRIDS), options.seed)
    write(town, options.out)
    write_city(city, options.out, seed=options.seed)
    if options.truth:
        city.cases.truth.to_parquet(options.truth, compression="zstd", index=False)
    counted = {**town.layers, **town.sheets, **city.parties, **city.layers, "addresses": city.addresses}
    for name, frame in {**counted, "cases": city.cases.cases}.items():
        print(f"{name:12s}{len(frame):7,d}")


if __name__ == "__main__":
    main()
