"""Views of PostgreSQL that show what is in force, with real geometry."""

from __future__ import annotations

IN_FORCE = """
SELECT DISTINCT ON (district, network) district, network, id AS version_id, effective_from
FROM version
WHERE state = 'approved'
  AND effective_from <= to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'
ORDER BY district, network, effective_from DESC
"""
LAYERS = (
    ("zones_in_force", "", "p.zone_code, p.name, p.kind, p.households, p.area_m2, p.flags"),
    (
        "grids_in_force",
        "JOIN grid t ON t.part_id = p.id",
        "t.grid_code, p.zone_code, p.kind, t.name, t.households, t.households_from, t.area_m2, t.perimeter_m, t.flags",
    ),
    (
        "microgrids_in_force",
        "JOIN microgrid t ON t.part_id = p.id",
        "t.microgrid_code, t.grid_code, p.zone_code, t.households, t.area_m2, t.flags",
    ),
)
NAMES = ("in_force", *(name for name, _, _ in LAYERS))


def kind_of(srid: int) -> str:
    """The type of geometry in a CRS."""
    return f"geometry(Geometry, {srid})"


def queries(srid: int) -> dict[str, str]:
    """What each view asks for, those first on which others rest."""
    return {"in_force": IN_FORCE} | {
        view: (
            f"SELECT i.district, i.network, i.version_id, i.effective_from, {columns}, "
            f"s.geom::{kind_of(srid)} AS geom FROM in_force i JOIN version_zone z ON z.version_id = i.version_id "
            f"JOIN part p ON p.id = z.part_id {table} JOIN shape s ON s.id = {'t' if table else 'p'}.shape_id"
        )
        for view, table, columns in LAYERS
    }
