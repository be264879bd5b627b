"""Make the demo district: `python data/make_demo.py [--seed N] [--out FOLDER]`.

Writes `district.gpkg` and `households.xlsx`; everything in them is made up (see data/README.md).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd
import pyogrio
from demo_town.town import SEED, Town, make_town

HERE = Path(__file__).parent


def write(town: Town, folder: Path) -> None:
    """Write the layers and the table of `town` into `folder`, each beside its place first."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_layers(town, folder / "district.gpkg")
    _write_table(town, folder / "households.xlsx")


def _write_layers(town: Town, path: Path) -> None:
    part = path.with_suffix(".part.gpkg")
    part.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00Z"})  # the same file every time
    for name, layer in town.layers.items():
        layer.to_file(part, layer=name, driver="GPKG", engine="pyogrio", promote_to_multi=False)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    os.replace(part, path)


def _write_table(town: Town, path: Path) -> None:
    part = path.with_suffix(".part.xlsx")
    with pd.ExcelWriter(part, engine="openpyxl") as book:
        for name, sheet in town.sheets.items():
            sheet.to_excel(book, sheet_name=name, index=False)
    os.replace(part, path)


def main() -> None:
    """Read the options, make the district, write it, say what it holds."""
    parser = argparse.ArgumentParser(description="Make the demo district.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=HERE / "demo")
    options = parser.parse_args()
    town = make_town(options.seed)
    write(town, options.out)
    for name, frame in {**town.layers, **town.sheets}.items():
        print(f"{name:12s}{len(frame):7,d}")


if __name__ == "__main__":
    main()
