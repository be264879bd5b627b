"""Boston's cases of 2015: the ten hottest squares of three items, with a map each.

python tests/benchmarks/boston_heat.py FOLDER      maps and pictures go there
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import boston

from gridgis import jobs
from gridgis.heat.overview import Question
from gridgis.heat.report import Report

ITEMS = ("Sidewalk Repair (Make Safe)", "Graffiti Removal", "Requests for Traffic Signal Studies or Reviews")
WINDOW = ("2015-01-01", "2015-12-31")
ATTRIBUTION = "City of Boston, 311 Service Requests"


def told(report: Report, item: str) -> None:
    """The ten hottest squares as a table."""
    verdicts = report.grids["verdict"].value_counts().to_dict()
    print(f"\n### {item}\n\n{report.cases} cases, {report.in_no_grid} in no square; {verdicts}\n")
    hot = report.grids[report.grids["verdict"] == "hot"].sort_values(["z", "grid_code"], ascending=[False, True])
    print("| square | neighbourhood | cases | per km² per 30 days | z | q | pattern |\n|---|---|---|---|---|---|---|")
    for row in hot.head(10).itertuples():
        numbers = f"{row.cases} | {row.rate:.1f} | {row.z:.1f} | {row.q:.4f}"
        print(f"| {row.grid_code} | {row.name} | {numbers} | {row.pattern} |")


def main() -> None:
    """Answer three questions and write what is taken away."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    division = boston.written(folder / "squares.gpkg")
    gathered = jobs.gather(boston.CASES, division=division, timezone="America/New_York")
    print(f"{len(gathered.cases)} cases, {len(gathered.grids)} squares; set aside:\n{gathered.piles.to_string()}")
    for number, item in enumerate(ITEMS):
        outputs = [folder / f"{number}.{ending}" for ending in ("html", "png")]
        question = Question(WINDOW, items=(item,))
        told(jobs.heat(gathered, question, outputs, attribution=ATTRIBUTION), item)


if __name__ == "__main__":
    main()
