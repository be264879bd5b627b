"""Carriageways of one road become its centre line."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from gridgis.divide.streets.axis import chordal_axis, smoothed, triangulate
from gridgis.divide.streets.plan import Plan, plan_of, under, vertex_keys, with_vertices
from gridgis.divide.streets.ribbon import ISLAND_M2, MOTOR, REACH, beside, road_faces
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array, width_m
from gridgis.profile import Profile

SIMPLE_M = 1.0
"""The axis is simplified by this."""


def merge_carriageways(
    lines: gpd.GeoDataFrame, *, buildings: Geometries, barriers: Geometries, profile: Profile
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Lines noded, with the faces that are road replaced by their axis.

    Invariant: two places that were joined stay joined, two blocks that were apart stay apart.
    `width_m` of an axis is that of the whole road; its other columns are those of the nearest carriageway.

    Parameters
    ----------
    lines : GeoDataFrame of LineString, best class first, metres
    buildings, barriers : arrays of Polygon and of LineString
    profile : Profile
    """
    dual_m = profile.tolerances.dual_m.value
    if not len(lines) or not dual_m:
        return lines, {"medians merged": 0, "carriageway edges merged": 0}
    plan = plan_of(as_array(lines.geometry))
    road = road_faces(plan, lines, buildings=buildings, barriers=barriers, dual_m=dual_m)
    areas = _areas(plan, road)
    gone = _erased(plan, lines, road, areas, dual_m)
    axis, links = _replacement(plan, road, gone, areas, dual_m)
    meetings = np.concatenate([_ends(axis), _ends(links)])
    shapes = with_vertices(np.concatenate([plan.edges[~gone], axis, links]), meetings)
    middle_line = _line_of_axis(plan, lines, gone, axis, dual_m)
    line = np.concatenate([plan.line[~gone], middle_line, _line_of_links(plan, gone, links)])
    width = lines["width_m"].to_numpy(dtype=float)[line]
    first = int((~gone).sum())
    width[first : first + len(axis)] = _width_of_axis(lines.iloc[middle_line], axis, areas, profile)
    counts = {"medians merged": int(road.sum()), "carriageway edges merged": int(gone.sum())}
    return lines.iloc[line].assign(geometry=shapes, width_m=width).reset_index(drop=True), counts


def _areas(plan: Plan, road: Bools) -> Geometries:
    """Road faces joined where they touch along an edge."""
    if not road.any():
        return np.zeros(0, dtype=object)
    return shapely.get_parts(shapely.coverage_union_all(plan.faces[road]))


def _erased(plan: Plan, lines: gpd.GeoDataFrame, road: Bools, areas: Geometries, dual_m: float) -> Bools:
    """Edges inside the road areas, and those of their outline that are carriageways."""
    own = beside(plan, road)
    gone = own == 2
    loose = np.flatnonzero(np.bincount(plan.edge_of, minlength=len(plan.edges)) == 0)
    if len(areas) and len(loose):
        middle = shapely.line_interpolate_point(plan.edges[loose], 0.5, normalized=True)
        gone[loose[np.unique(shapely.STRtree(areas).query(middle, predicate="within")[0])]] = True
    outline = np.flatnonzero(own == 1)
    road_class = lines["road_class"].to_numpy(dtype=object)[plan.line[outline]]
    island = road & (shapely.area(plan.faces) <= ISLAND_M2)
    of_island = (beside(plan, island)[outline] > 0) & np.isin(road_class, list(MOTOR))
    carriageway = np.isin(road_class, list(REACH)) | of_island
    through = _ends_among(plan.edges[outline], plan.edges[(own == 0) & ~gone])
    gone[outline[carriageway & ~(through & _closes(plan.edges[outline], areas, dual_m))]] = True
    return gone


def _ends_among(edges: Geometries, others: Geometries) -> Bools:
    """Whether others come in at both ends of an edge."""
    known = _end_keys(others)
    first, last = np.split(np.isin(_end_keys(edges), known), 2)
    return first & last


def _closes(edges: Geometries, areas: Geometries, dual_m: float) -> Bools:
    """Whether an edge closes an area at its end: square to it the area goes on further than it is wide."""
    out = np.zeros(len(edges), dtype=bool)
    if not len(edges):
        return out
    middle = shapely.get_coordinates(shapely.line_interpolate_point(edges, 0.5, normalized=True))
    ends = shapely.get_coordinates(shapely.get_point(edges, -1)) - shapely.get_coordinates(shapely.get_point(edges, 0))
    normal = np.stack([-ends[:, 1], ends[:, 0]], axis=1) / np.maximum(np.hypot(*ends.T), 1e-9)[:, None]
    tree = shapely.STRtree(areas)
    for sign in (1.0, -1.0):
        probe = np.stack([middle + sign * 0.1 * normal, middle + sign * 1.1 * dual_m * normal], axis=1)
        out[tree.query(shapely.linestrings(probe), predicate="within")[0]] = True
    return out & (shapely.length(edges) <= dual_m)


def _replacement(
    plan: Plan, road: Bools, gone: Bools, areas: Geometries, dual_m: float
) -> tuple[Geometries, Geometries]:
    """Axis of the road areas and its links to the edges that stay."""
    if not len(areas):
        return areas, areas
    triangles = triangulate(areas, step_m=np.clip(width_m(areas), 1.0, dual_m / 4))
    closing = plan.edges[~gone & (beside(plan, road) > 0)]
    terminals = np.setdiff1d(_end_keys(plan.edges[~gone]), _end_keys(closing))
    portals = shapely.line_interpolate_point(closing, 0.5, normalized=True)
    axis, links = chordal_axis(triangles, terminals=terminals, portals=portals)
    axis = shapely.simplify(smoothed(axis), SIMPLE_M)
    return axis, _attached(links, axis)


def _attached(links: Geometries, axis: Geometries) -> Geometries:
    """Links from where they start to the place on the smoothed axis nearest to where they ended."""
    if not len(links) or not len(axis):
        return links
    end = shapely.get_point(links, -1)
    place = shapely.shortest_line(end, axis[shapely.STRtree(axis).nearest(end)])
    xy = np.stack(
        [shapely.get_coordinates(shapely.get_point(part, k)) for part, k in ((links, 0), (place, -1))], axis=1
    )
    return shapely.linestrings(np.round(xy, 2))


def _end_keys(edges: Geometries) -> Ints:
    return vertex_keys(shapely.get_coordinates(_ends(edges)))


def _ends(lines: Geometries) -> Geometries:
    return np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])


def _line_of_axis(plan: Plan, lines: gpd.GeoDataFrame, gone: Bools, axis: Geometries, dual_m: float) -> Ints:
    """Row of the merged line nearest to the middle of each chain, of a carriageway where there is one."""
    out = _nearest_line(plan, gone, axis)
    carriageway = gone & lines["road_class"].isin(list(REACH)).to_numpy(bool)[plan.line]
    middle = shapely.line_interpolate_point(axis, 0.5, normalized=True)
    near = shapely.STRtree(plan.edges[carriageway]).query_nearest(middle, max_distance=dual_m, all_matches=False)
    out[near[0]] = plan.line[carriageway][near[1]]
    return out


def _nearest_line(plan: Plan, gone: Bools, shapes: Geometries) -> Ints:
    """Row of the merged line nearest to the middle of each shape."""
    if not len(shapes):
        return np.zeros(0, dtype=np.int64)
    middle = shapely.line_interpolate_point(shapes, 0.5, normalized=True)
    return plan.line[gone][shapely.STRtree(plan.edges[gone]).nearest(middle)]


def _width_of_axis(lines: gpd.GeoDataFrame, axis: Geometries, areas: Geometries, profile: Profile) -> Floats:
    """Width of the whole road at the middle of each chain: between the outer lines, and one carriageway."""
    if not len(axis):
        return np.zeros(0)
    middle = shapely.line_interpolate_point(axis, 0.5, normalized=True)
    outlines = shapely.get_parts(shapely.boundary(areas))
    gap = 2 * shapely.distance(middle, outlines[shapely.STRtree(outlines).nearest(middle)])
    given = lines["width_m"].to_numpy(dtype=float)
    usual = np.array([profile.roads[name].width_m / 2 for name in lines["road_class"]], dtype=float)
    return np.asarray(gap + np.where(given > 0, given, usual), dtype=float)


def _line_of_links(plan: Plan, gone: Bools, links: Geometries) -> Ints:
    """Row of the best line that comes in at the start of each link; where areas only touch, that of the carriageway."""
    start = shapely.get_point(links, 0)
    out = under(start, plan.edges[~gone], plan.line[~gone])
    lost = out < 0
    out[lost] = _nearest_line(plan, gone, links[lost])
    return out
