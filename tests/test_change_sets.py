"""Change sets: zones of different drafts are approved on their own, each carrying the others along."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import told_borders
from shapely.ops import split
from test_registry import (
    DAY,
    LAND,
    approved,
    decision,
    drafted,
    merge,
    ordered,
    same,
    server,
    spent_codes,
    store,
    town,
    url,
)

from gridgis import jobs, rules
from gridgis.errors import InputRefused
from gridgis.geometry.stitch import missing_vertices, stitched
from gridgis.lineage import recoded
from gridgis.profile import load_profile
from gridgis.registry import tables, versions
from gridgis.registry.actors import add_actor
from gridgis.registry.audit import verify
from gridgis.registry.review import approve, submit, withdraw
from gridgis.registry.store import Conflict, create_store
from gridgis.registry.versions import branch, changed_zones, content_digest, draft, get, in_force, last_approved, load
from gridgis.schema import Division

__all__ = ["server", "store", "url"]


def redivided(division: Division, zone: str, seed: int) -> Division:
    """A zone cut anew into two grids by one line; its neighbours get the vertices where the line ends."""
    rng = np.random.default_rng(seed)
    land = division.zones.set_index("zone_code").geometry[zone]
    x, y = land.centroid.coords[0]
    angle = rng.uniform(0, np.pi)
    reach = 2000 * np.array([np.cos(angle), np.sin(angle)])
    parts = split(land, shapely.LineString([np.array([x, y]) - reach, np.array([x, y]) + reach])).geoms
    assert len(parts) == 2
    frames = {name: getattr(division, name) for name in LAND}
    sums = division.atoms[division.atoms["zone_code"] == zone]["households"].sum()
    for name, keys in (("grids", ("grid_code",)), ("microgrids", ("grid_code", "microgrid_code")), ("atoms", KEYS)):
        frame = frames[name]
        rows = frame[frame["zone_code"] == zone].iloc[:2].copy()
        for column in keys:
            ends = {"grid_code": "", "microgrid_code": "01", "atom_id": "01a"}[column]
            rows[column] = [f"{zone}{k:03d}{ends}" for k in (1, 2)]
        rows["households"] = pd.array([sums // 2, sums - sums // 2], dtype="Int64")
        rows = rows.set_geometry(gpd.GeoSeries(list(parts), index=rows.index, crs=frame.crs))
        frames[name] = pd.concat([frame[frame["zone_code"] != zone], rows], ignore_index=True)
    zones = frames["zones"].geometry.to_numpy().copy()
    zones[frames["zones"]["zone_code"].to_numpy() == zone] = shapely.union_all(list(parts))
    torn = np.concatenate([zones[frames["zones"]["zone_code"].to_numpy() != zone], list(parts)])
    stitches = missing_vertices(torn, within=0.1)
    frames["zones"] = frames["zones"].set_geometry(gpd.GeoSeries(zones, crs=frames["zones"].crs))
    sewn = {
        name: frame.set_geometry(gpd.GeoSeries(stitched(frame.geometry.to_numpy(), stitches), crs=frame.crs))
        for name, frame in frames.items()
    }
    return replace(division, **measured(sewn))


KEYS = ("grid_code", "microgrid_code", "atom_id")


def measured(frames: dict[str, gpd.GeoDataFrame]) -> dict[str, gpd.GeoDataFrame]:
    """Frames with areas and perimeters as they are now."""
    from gridgis.crs import area_m2, perimeter_m

    out = {}
    for name, frame in frames.items():
        told = {"area_m2": area_m2, "perimeter_m": perimeter_m}
        crs = frame.crs
        out[name] = frame.assign(**{c: f(frame.geometry.to_numpy(), crs) for c, f in told.items() if c in frame})
    return out


def handed_in(store, division: Division, *, day: int, **options):
    made = drafted(store, division, day=day, **options)
    with store.write() as connection:
        return submit(connection, made, actor="draws", at=DAY[day])


def decided(store, version, *, day: int):
    with store.write() as connection:
        return approve(connection, version, decision(DAY[day], DAY[day]))


def whole(store, version) -> Division:
    with store.read() as connection:
        return load(connection, get(connection, version.id))


def hard(division: Division) -> list[str]:
    found = jobs.check(division).query("severity == 'hard'")
    return [f"{row.rule} {row.code}: {row.detail}" for row in found.itertuples()]


def of(frame: gpd.GeoDataFrame, zones: list[str]) -> gpd.GeoDataFrame:
    return frame[frame["zone_code"].isin(zones)].reset_index(drop=True)


# ---------------------------------------------------------------- side by side
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_zones_side_by_side_are_approved_on_their_own(store, order, seed):
    base = town()
    zones = base.zones["zone_code"].tolist()
    assert hard(base) == []
    first = approved(store, base, day=10)
    drafts = [redivided(base, zone, seed + k) for k, zone in enumerate(zones[:2])]
    assert [hard(division) for division in drafts] == [[], []]
    made = [handed_in(store, division, day=11) for division in drafts]
    with store.read() as connection:
        assert [changed_zones(connection, one) for one in made] == [[zones[0]], [zones[1]]]
    for day, k in enumerate(order, 12):
        done = decided(store, made[k], day=day)
    result = whole(store, done)
    assert hard(result) == []
    for zone, division in zip(zones, drafts, strict=False):
        assert len(of(result.grids, [zone])) == 2
        far = shapely.hausdorff_distance(
            of(result.grids, [zone]).geometry.to_numpy(),
            of(whole(store, made[zones.index(zone)]).grids, [zone]).geometry,
        )
        assert far.max() < 0.1
        assert division.zones.geometry.area.sum() == pytest.approx(result.zones.geometry.area.sum(), abs=0.01)
    with store.read() as connection:
        assert get(connection, done.id).parent_id == made[order[0]].id
        assert changed_zones(connection, get(connection, done.id)) == [zones[order[1]]]
        assert in_force(connection, first.district, at=DAY[11]).id == first.id
    for name in LAND:
        columns = [c for c in getattr(base, name).columns if c not in ("geometry", "area_m2", "perimeter_m")]
        before, after = (of(ordered(getattr(one, name), name), zones[2:])[columns] for one in (base, result))
        pd.testing.assert_frame_equal(pd.DataFrame(before), pd.DataFrame(after), check_dtype=False)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.permutations(range(4)))
def test_any_order_of_change_sets_gives_a_coverage(tmp_path_factory, seed, order):
    base = town(seed % 50)
    zones = base.zones["zone_code"].tolist()
    folder = tmp_path_factory.mktemp("orders")
    made = create_store(str(folder / "city.db"), crs=str(base.zones.crs))
    with made.write() as connection:
        for name, role in (("draws", "submitter"), ("decides", "reviewer")):
            add_actor(connection, name, role=role, by="first", at=DAY[0])
    approved(made, base, day=1)
    sets = [handed_in(made, redivided(base, zone, seed + k), day=2) for k, zone in enumerate(zones)]
    for day, k in enumerate(order, 3):
        last = decided(made, sets[k], day=day)
        assert hard(whole(made, last)) == []
    assert len(whole(made, last).grids) == 2 * len(zones)
    made.close()


def test_what_is_handed_in_of_a_draft_is_a_version_of_its_own(store):
    base = town()
    zones = base.zones["zone_code"].tolist()
    first = approved(store, base, day=10)
    both = drafted(store, redivided(redivided(base, zones[0], 1), zones[1], 2), day=11)
    with store.write() as connection:
        part = branch(connection, both, [zones[0]], actor="draws", at=DAY[12])
        with pytest.raises(InputRefused, match="changed no zone of"):
            branch(connection, both, [zones[3]], actor="draws", at=DAY[12])
    with store.read() as connection:
        assert get(connection, both.id).state == "draft"
        assert (part.parent_id, part.state) == (first.id, "draft")
        assert changed_zones(connection, part) == [zones[0]]
    result = whole(store, part)
    assert hard(result) == []
    assert (len(of(result.grids, zones[:1])), len(of(result.grids, zones[1:2]))) == (2, 4)
    with store.write() as connection:
        submit(connection, part, actor="draws", at=DAY[12])
    decided(store, part, day=13)
    with store.write() as connection:
        rest = branch(connection, both, [zones[1]], actor="draws", at=DAY[14])
        assert (rest.parent_id, changed_zones(connection, rest)) == (part.id, [zones[1]])
        with pytest.raises(Conflict, match=f"zone {zones[0]} was changed since"):
            branch(connection, both, zones[:2], actor="draws", at=DAY[14])
    assert hard(whole(store, rest)) == []
    assert len(of(whole(store, rest).grids, zones[:2])) == 4


def test_a_border_moved_with_a_zone_that_is_not_handed_in_is_a_conflict(store):
    base = town()
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=10)
    made = drafted(store, moved_border(base, *zones[:2]), day=11)
    with store.read() as connection:
        assert changed_zones(connection, made) == zones[:2]
    for zone in zones[:2]:
        other = zones[1 - zones.index(zone)]
        with pytest.raises(Conflict, match=f"border of .*{other}"), store.write() as connection:
            branch(connection, made, [zone], actor="draws", at=DAY[12])
    with store.write() as connection:
        assert changed_zones(connection, branch(connection, made, zones[:2], actor="draws", at=DAY[12])) == zones[:2]


def moved_border(division: Division, one: str, other: str) -> Division:
    """An atom at the border goes to the zone beside, into the grid that it touches there."""
    atoms, zones = division.atoms, division.zones.set_index("zone_code").geometry
    at = atoms.index[
        (atoms["zone_code"] == one) & (atoms.geometry.boundary.intersection(zones[other].boundary).length > 1)
    ]
    atom = atoms.loc[at[0]]
    beside = division.microgrids[
        (division.microgrids["zone_code"] == other)
        & (division.microgrids.geometry.intersection(atom.geometry).length > 1)
    ].iloc[0]
    frames = {name: getattr(division, name).copy() for name in LAND}
    keys = {"zones": "zone_code", "grids": "grid_code", "microgrids": "microgrid_code"}
    for name, key in keys.items():
        frame = frames[name]
        loses, gains = (frame.index[frame[key] == row[key]][0] for row in (atom, beside))
        less = frame.geometry[loses].difference(atom.geometry)
        if less.is_empty:
            frame = frame.drop(loses)
        else:
            frame.loc[loses, "geometry"] = less
            frame.loc[loses, "households"] -= atom["households"]
        frame.loc[gains, "geometry"] = shapely.coverage_union_all([frame.geometry[gains], atom.geometry])
        frame.loc[gains, "households"] += atom["households"]
        frames[name] = frame.reset_index(drop=True)
    for key in ("zone_code", "grid_code", "microgrid_code"):
        frames["atoms"].loc[at[0], key] = beside[key]
    return replace(division, **measured(frames))


# ---------------------------------------------------------------- a division of some zones
def test_a_division_of_some_zones_carries_the_others_along(store):
    base = town()
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=10)
    new = redivided(base, zones[0], 4)
    part = replace(new, **{name: of(getattr(new, name), zones[:1]) for name in LAND})
    with pytest.raises(InputRefused, match="is in force and not in the division"):
        drafted(store, part, day=11)
    result = whole(store, drafted(store, part, day=11, zones=[zones[0]]))
    assert hard(result) == []
    assert result.zones["zone_code"].tolist() == zones
    assert len(of(result.grids, zones[:1])) == 2
    given_up = drafted(store, replace(base, **{n: of(getattr(base, n), zones[1:]) for n in LAND}), day=11, zones=zones)
    with store.read() as connection:
        assert changed_zones(connection, given_up) == zones[:1]
    assert whole(store, given_up).zones["zone_code"].tolist() == zones[1:]


def test_a_district_comes_under_grids_township_by_township(store):
    base = town()
    zones = base.zones["zone_code"].tolist()
    made = [
        handed_in(store, replace(base, **{n: of(getattr(base, n), [zone]) for n in LAND}), day=1, zones=[zone])
        for zone in zones
    ]
    for day, one in enumerate(made, 2):
        last = decided(store, one, day=day)
    result = whole(store, last)
    for name in LAND:
        same(ordered(getattr(result, name), name), ordered(getattr(base, name), name))
    with store.read() as connection:
        assert last_approved(connection, last.district).id == made[-1].id


def test_what_was_read_from_an_older_version_does_not_undo_what_was_approved_since(store):
    base = town()
    zones = base.zones["zone_code"].tolist()
    first = approved(store, base, day=1)
    read = whole(store, first)
    approved(store, redivided(base, zones[0], 1), day=2)
    made = handed_in(store, redivided(read, zones[1], 2), day=3)
    assert made.parent_id == first.id
    result = whole(store, decided(store, made, day=4))
    assert [len(of(result.grids, [zone])) for zone in zones] == [2, 2, 4, 4]
    with pytest.raises(Conflict, match=f"zone {zones[0]} was changed since"):
        handed_in(store, redivided(read, zones[0], 5), day=5)


def test_what_can_no_longer_be_approved_is_not_handed_in(store, url):
    """A zone, or a border with one, that others changed since: drafting says nothing, handing in does, as approval."""
    base = town()
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=1)
    border = moved_border(base, *zones[:2])
    both = drafted(store, border, day=2)
    beside = drafted(store, redivided(base, zones[0], 1), day=2, zones=zones[:1])
    away = drafted(store, redivided(base, zones[3], 1), day=2)
    waits = handed_in(store, border, day=2)
    decided(store, handed_in(store, redivided(base, zones[1], 2), day=2), day=3)
    for late in (lambda: jobs.submit(url, both.id, actor="draws"), lambda: decided(store, waits, day=4)):
        with pytest.raises(Conflict, match=f"zone {zones[1]} was changed since by a version approved"):
            late()
    assert drafted(store, border, day=4).state == "draft"
    assert jobs.submit(url, beside.id, actor="draws", reasons={"": "so"}).state == "submitted"
    assert jobs.submit(url, away.id, actor="draws", reasons={"": "so"}).state == "submitted"


def test_what_no_longer_fits_between_its_neighbours_is_not_handed_in(store, monkeypatch):
    base = town()
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=1)
    made = drafted(store, redivided(base, zones[0], 1), day=2)
    approved(store, moved_border(base, *zones[:2]), day=3)
    monkeypatch.setattr(versions, "_refuse_changed_since", lambda *_: None)
    with pytest.raises(Conflict, match="was moved on one side alone"), store.write() as connection:
        submit(connection, made, actor="draws", at=DAY[4])


def test_rules_are_judged_before_the_store_is_locked(store, url, monkeypatch):
    """Others write while a draft is judged; who may not hand it in is told before anything is."""
    made = drafted(store, town())
    judge, judged = rules.check, []

    def watched(division, **more):
        judged.append(drafted(store, division, day=2).id)
        return judge(division, **more)

    monkeypatch.setattr(rules, "check", watched)
    with pytest.raises(InputRefused, match="may act in 310112"):
        jobs.submit(url, made.id, actor="draws-elsewhere")
    assert judged == []
    assert jobs.submit(url, made.id, actor="draws", reasons={"": "so"}).state == "submitted"
    with pytest.raises(InputRefused, match="is submitted"):
        jobs.submit(url, made.id, actor="draws")
    assert judged == [made.id + 1]


def test_a_withdrawn_version_is_not_handed_in_by_zones(store):
    base = town()
    approved(store, base, day=1)
    made = drafted(store, redivided(base, base.zones["zone_code"][0], 1), day=2)
    with store.write() as connection:
        gone = withdraw(connection, made, actor="draws", at=DAY[3])
    with pytest.raises(InputRefused, match="is withdrawn"), store.write() as connection:
        branch(connection, gone, base.zones["zone_code"][:1].tolist(), actor="draws", at=DAY[4])


def test_a_right_over_a_township_is_for_its_zones(store):
    base = town()
    with store.write() as connection:
        for name, area in (("here", "420106001"), ("there", "420106002")):
            add_actor(connection, name, role="submitter", area=area, by="first", at=DAY[0])
    approved(store, base, day=1)
    new = redivided(base, base.zones["zone_code"][0], 1)
    with store.write() as connection:
        made = draft(connection, new, author="here", at=DAY[2], zones=["420106001001"])
        assert submit(connection, made, actor="here", at=DAY[2]).state == "submitted"
    with pytest.raises(InputRefused, match="may act in 420106002"), store.write() as connection:
        draft(connection, new, author="there", at=DAY[2], zones=["420106001001"])


def test_a_store_approved_out_of_order_is_copied(store, tmp_path):
    base = town()
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=1)
    one, two = (handed_in(store, redivided(base, zone, k), day=2) for k, zone in enumerate(zones[:2]))
    decided(store, two, day=3)
    decided(store, one, day=4)
    jobs.backup(store.url, tmp_path / "copy.db")
    assert jobs.verify(str(tmp_path / "copy.db")).faults == ()


# ---------------------------------------------------------------- codes
def test_codes_spent_meanwhile_are_replaced_on_approval(store):
    base = redivided(town(), town().zones["zone_code"][0], 1)
    first = approved(store, base, day=10)
    waits = handed_in(store, town(), day=11)
    told = set(whole(store, waits).grids["grid_code"]) - set(base.grids["grid_code"])
    assert told
    with store.write() as connection:
        rows = [{"network": "general", "code": code, "version_id": first.id} for code in sorted(told)]
        connection.execute(sa.insert(tables.code), rows)
    result = whole(store, decided(store, waits, day=14))
    fresh = set(result.grids["grid_code"]) - set(base.grids["grid_code"])
    assert (len(fresh), fresh & told) == (len(told), set())
    assert min(fresh) > max(told)
    assert hard(result) == []
    with store.read() as connection:
        assert fresh <= set(spent_codes(connection, "general"))
        by_hand = f"the rows of code of version {first.id} are not as the events say"
        assert verify(connection).faults == (by_hand,)


def test_a_micro_grid_keeps_its_code_and_a_retired_one_is_not_used_again(store):
    base = town()
    first = approved(store, base, day=10)
    micros = base.microgrids
    grid = micros["grid_code"][0]
    mine = micros["microgrid_code"][micros["grid_code"] == grid].tolist()
    dealt = dict(zip(micros["microgrid_code"], micros["microgrid_code"], strict=True)) | dict(
        zip(mine, mine[::-1], strict=True)
    )
    swapped = replace(
        base,
        microgrids=micros.assign(microgrid_code=micros["microgrid_code"].map(dealt)),
        atoms=base.atoms.assign(microgrid_code=base.atoms["microgrid_code"].map(dealt)),
    )
    second = drafted(store, swapped, day=11)
    with store.read() as connection:
        assert content_digest(connection, second.id) == content_digest(connection, first.id)
    joined = one_micro(base, *mine[:2])
    approved(store, joined, day=12)
    third = approved(store, base, day=13)
    codes = set(whole(store, third).microgrids["microgrid_code"])
    fresh = sorted(codes - set(micros["microgrid_code"]))
    assert mine[1] not in codes
    assert set(mine[2:]) <= codes
    assert [code[:15] for code in fresh] == [grid] * len(fresh)
    assert int(fresh[0][15:]) == 1 + max(int(code[15:]) for code in mine)
    life = jobs.explain_code(store.url, fresh[0])
    assert (life.begins, life.ends, life.came_from[0].code[:15]) == (DAY[13], None, grid)
    assert jobs.explain_code(store.url, mine[1]).ends == DAY[12]
    with store.read() as connection:
        spent = connection.execute(sa.select(tables.code.c.version_id).where(tables.code.c.code.in_(fresh))).scalars()
        assert list(spent) == [third.id] * len(fresh)


def one_micro(division: Division, keep: str, lose: str) -> Division:
    """One micro-grid takes in another of its grid."""
    micros = division.microgrids.set_index("microgrid_code", drop=False)
    micros.loc[keep, "geometry"] = shapely.coverage_union_all(micros.geometry[[keep, lose]].to_numpy())
    micros.loc[keep, "households"] = micros["households"][keep] + micros["households"][lose]
    atoms = division.atoms.assign(microgrid_code=division.atoms["microgrid_code"].replace(lose, keep))
    return replace(division, microgrids=micros.drop(lose).reset_index(drop=True), atoms=atoms)


def test_codes_of_twenty_digits_and_a_merged_community_live_as_others_do(store):
    profile = load_profile("cjt349")
    short = town()
    zone = dict(zip(short.zones["zone_code"], [*short.zones["zone_code"][:-1], "420106001601"], strict=True))
    longer = {
        code: f"{zone[code[:12]]}{int(code[12:15]):08d}"
        for code in short.grids["grid_code"]
    }  # fmt: skip
    division = recoded(short, longer)
    frames = {name: getattr(division, name) for name in LAND}
    frames = {name: one.assign(zone_code=one["zone_code"].map(zone)) for name, one in frames.items()}
    division = replace(division, **frames, info={**division.info, "profile_toml": profile.to_toml()})
    assert jobs.check(division, profile=profile).query("severity == 'hard'").empty
    approved(store, division, day=1)
    merged = merge_two(division)
    result = whole(store, approved(store, merged, day=2))
    assert {len(code) for code in result.grids["grid_code"]} == {20}
    assert {len(code) for code in result.microgrids["microgrid_code"]} == {22}
    assert set(result.grids["grid_code"]) < set(division.grids["grid_code"])
    assert "420106001601" in set(result.zones["zone_code"])


def merge_two(division: Division) -> Division:
    """The first two grids made one; micro-grids and atoms keep their land."""
    keep, lose = division.grids["grid_code"][:2]
    grids = division.grids.set_index("grid_code", drop=False)
    grids.loc[keep, "geometry"] = shapely.coverage_union_all(grids.geometry[[keep, lose]].to_numpy())
    grids.loc[keep, "households"] += grids["households"][lose]
    fresh = {lose: keep}
    micros = division.microgrids.copy()
    rows = micros["grid_code"] == lose
    new = {code: f"{keep}{int(code[20:]) + 50:02d}" for code in micros["microgrid_code"][rows]}
    micros["microgrid_code"], micros["grid_code"] = (
        micros["microgrid_code"].replace(new),
        micros["grid_code"].replace(fresh),
    )
    atoms = division.atoms.assign(
        microgrid_code=division.atoms["microgrid_code"].replace(new),
        grid_code=division.atoms["grid_code"].replace(fresh),
    )
    return replace(division, grids=grids.drop(lose).reset_index(drop=True), microgrids=micros, atoms=atoms)


# ---------------------------------------------------------------- the layer of borders
def test_the_layer_of_borders_comes_back(store):
    made = told_borders(town())
    first = approved(store, made, day=10)
    every = whole(store, first).borders
    assert set(every["border_class"][every["second_code"].isna()]) == {"off_street"}  # of the outside nothing was told
    back = every.dropna(subset=["second_code"])
    columns = ["first_code", "second_code", "border_class", "name"]
    order = made.borders.sort_values(columns)
    assert back[columns].to_numpy().tolist() == order[columns].to_numpy().tolist()
    assert shapely.equals(back.geometry.to_numpy(), order.geometry.to_numpy()).all()
    assert np.allclose(back["length_m"], order["length_m"], rtol=2e-3)
    coded = merge(made, *made.grids["grid_code"][:2])
    second = whole(store, drafted(store, coded, day=11))
    assert set(second.borders["first_code"].dropna()) | set(second.borders["second_code"].dropna()) <= set(
        second.grids["grid_code"]
    )
    assert len(second.borders.dropna(subset=["second_code"])) == len(back) - 1


def test_borders_stay_whole_where_vertices_are_put_into_them(store):
    base = told_borders(town(zones=(2, 1)))
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=10)
    bare = replace(base, borders=base.borders.iloc[:0])
    part = redivided(bare, zones[0], 3)
    part = replace(part, **{name: of(getattr(part, name), zones[:1]) for name in LAND})
    result = whole(store, drafted(store, part, day=11, zones=zones[:1]))
    between = result.borders.dropna(subset=["second_code"])
    inner = between[between["first_code"].str[:12].isin(zones[1:]) & between["second_code"].str[:12].isin(zones[1:])]
    across = between[between["first_code"].str[:12] != between["second_code"].str[:12]]
    before = base.borders
    assert across.length.sum() == pytest.approx(
        before[before["first_code"].str[:12] != before["second_code"].str[:12]].length.sum(), abs=0.01
    )
    assert inner.length.sum() == pytest.approx(
        before[(before["first_code"].str[:12] == zones[1]) & (before["second_code"].str[:12] == zones[1])].length.sum(),
        abs=0.01,
    )
