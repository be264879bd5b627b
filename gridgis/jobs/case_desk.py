"""What answers single cases in a server: offices that stay, made anew when what they know of has changed.

Invariant: an answer is by the version in force at the time that is asked for, and by people and duties that are at
most some seconds old: whether something changed is looked up in the store at most once a second, and what stood before
answers until the new offices are ready.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridgis.crs import parsed, scale_m, transform
from gridgis.errors import Fault, InputRefused
from gridgis.jobs.declared import DEGREES, known_systems
from gridgis.jobs.offices import OfficesByTime, Sources
from gridgis.jobs.registry import reading
from gridgis.jobs.together import Together
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    from gridgis.addresses import Suggestion
    from gridgis.registry.reports import Report
    from gridgis.resolve import Office, Resolution

RENEWING = ("version.", "people.", "duties.", "post.", "person.", "alias.")
"""Beginnings of the kinds of events after which offices are made anew."""
LOOKED_EVERY_S = 1.0


@dataclass(frozen=True)
class Resolved:
    """The answer for one case with the office that gave it, and its place in degrees; None where it has none.

    Attributes
    ----------
    asked : the address that was asked, empty for none
    """

    told: Resolution
    office: Office
    lon: float | None
    lat: float | None
    asked: str = ""

    @property
    def must_choose(self) -> bool:
        """Whether a person chooses the grid: there is one, and it is not sure enough by the profile."""
        sure = self.told.confidence
        return bool(self.told.options) and (sure is None or sure < self.office.profile.locating.confidence.value)

    def places(self, *, limit: int = 5) -> list[dict[str, Any]]:
        """What the address that was asked may mean, best first, with the place of each in degrees."""
        import numpy as np

        from gridgis.coordinates import to_crs
        from gridgis.crs import canonical

        gazetteer = self.office.gazetteer
        if gazetteer is None or not self.asked:
            return []
        found = gazetteer.find(self.asked, aliases=self.office.aliases, limit=limit).candidates
        here = np.array([one.x for one in found]), np.array([one.y for one in found])
        lon, lat = to_crs(*here, source=canonical(gazetteer.crs), target=DEGREES) if found else here
        return [
            {
                "text": one.text,
                "kind": one.kind,
                "score": one.score,
                "matched": dict(one.matched),
                "accuracy_m": one.accuracy_m,
                "lon": round(float(east), 7),
                "lat": round(float(north), 7),
            }
            for one, east, north in zip(found, lon, lat, strict=True)
        ]

    def border(self, within_m: float) -> dict[str, Any] | None:
        """The nearest other grid and how far off its border is; None where there is none within some metres."""
        import numpy as np
        import shapely

        from gridgis.locate.places import SAME_M

        told, places = self.told, self.office.places
        if told.x is None or told.y is None or not told.grid_code:
            return None
        point = transform(shapely.points([told.x], [told.y]), places.crs, places.metric)
        layer = places.metric_grids
        own = layer.polygons[layer.codes == told.grid_code]
        edge_m = float(shapely.distance(point, shapely.boundary(own))[0])
        for reach_m in (min(edge_m, within_m), within_m):  # but at the rim of the land another grid lies at the edge
            x, y, r = float(shapely.get_x(point[0])), float(shapely.get_y(point[0])), reach_m + SAME_M
            near = np.sort(layer.tree.query(shapely.box(x - r, y - r, x + r, y + r)))
            near = near[layer.codes[near] != told.grid_code]
            far_m = shapely.distance(point, layer.polygons[near])
            if len(near) and far_m.min() <= r:
                first = int(np.argmin(far_m))
                return {"grid_code": str(layer.codes[near[first]]), "distance_m": round(float(far_m[first]), 1)}
        return None


class CaseDesk:
    """Answers single cases of a store.

    Parameters
    ----------
    store : that is served
    sources : what the city has beside: names of places, streets, components
    timezone : of the city
    """

    def __init__(self, store: str, *, sources: Sources, timezone: str) -> None:
        self.store, self.sources, self.timezone = store, sources, timezone
        self.writes = Together(store)
        self._offices: dict[str, OfficesByTime] = {}
        self._making, self._looking = threading.RLock(), threading.Lock()
        self._seen, self._looked_at = -1, 0.0

    def resolve(
        self,
        *,
        network: str = GENERAL,
        at: datetime.datetime | None = None,
        crs: str = DEGREES,
        x: float | None = None,
        y: float | None = None,
        address: str | None = None,
        item: str | None = None,
        accuracy_m: float | None = None,
        component_id: str | None = None,
        severity: str | None = None,
        function: str | None = None,
    ) -> Resolved:
        """Resolve one case; see :func:`gridgis.resolve.resolution`.

        Raises
        ------
        InputRefused
            Where nothing was in force at the time, or the system of coordinates is none.
        """
        from gridgis.resolve import resolution

        known_systems(crs)
        moment = at or datetime.datetime.now(datetime.UTC)
        office = self.office(network, moment)
        told = resolution(
            office,
            crs=crs,
            x=x,
            y=y,
            address=address or None,
            item=item or None,
            at=moment,
            accuracy_m=accuracy_m,
            component_id=component_id or None,
            severity=severity or None,
            function=function or None,
        )
        if office.notices:
            told = replace(told, warnings=(*told.warnings, *office.notices))
        here = x is not None and y is not None and crs == DEGREES and told.method in ("inside", "border", "nearest")
        lon, lat = (round(x, 7), round(y, 7)) if here else _degrees(office, told)  # type: ignore[arg-type]
        return Resolved(told, office, lon, lat, asked=address or "")

    def office(self, network: str, at: datetime.datetime) -> Office:
        """The office of the version in force at a time.

        Raises
        ------
        InputRefused
            Where there was none.
        """
        from gridgis.registry.store import as_utc

        self._look()
        found = self._of(network).at_moment(as_utc(at))
        if found is None:
            problem = f"nothing is in force in network {network} at {at.isoformat(timespec='seconds')}"
            raise InputRefused([Fault("cases", network, problem, "Let a version be approved, or ask for another time")])
        return found

    def suggest(self, text: str, *, limit: int = 8) -> list[Suggestion]:
        """What the beginning of an address may become; nothing without a gazetteer."""
        gazetteer = self.office(GENERAL, datetime.datetime.now(datetime.UTC)).gazetteer
        return [] if gazetteer is None else gazetteer.suggest(text, limit=limit)

    def items(
        self, network: str = GENERAL, *, columns: Sequence[str] = ("item", "name", "class")
    ) -> list[dict[str, str]]:
        """The catalogue of today: columns of each entry as texts, by class and name."""
        now = datetime.datetime.now(datetime.UTC)
        desk = self.office(network, now).desk
        if desk is None:
            return []
        frame = desk.duties.items
        moment = now.isoformat(timespec="microseconds")
        begun, ended = frame["valid_from"].fillna(""), frame["valid_to"].fillna("~")
        here = frame[(begun <= moment) & (ended > moment)].sort_values(["class", "name", "item"])
        return [
            {name: str(row[name] or "") for name in columns} for row in here[[*columns]].fillna("").to_dict("records")
        ]

    def around(self, lon: float, lat: float, *, within_m: float, network: str = GENERAL) -> dict[str, Any]:
        """Grids of what is in force now within some metres of a place, as GeoJSON.

        Each with the name of its leader, and the place in it where a name has most room.
        """
        import json

        import shapely

        from gridgis.publish.light import geojson, roomiest

        office = self.office(network, datetime.datetime.now(datetime.UTC))
        layer = office.places.grids
        near = _rows_within(office, _box(lon, lat, within_m))
        codes = [str(layer.codes[k]) for k in near]
        rows: list[dict[str, Any]] = [{"code": code, "leader": leader_of(office, code)} for code in codes]
        at = transform(shapely.points(roomiest(layer.polygons[near])[0]), office.places.crs, parsed(DEGREES))
        for row, place in zip(rows, shapely.get_coordinates(at).round(7).tolist(), strict=True):
            row["at"] = place
        shapes = transform(layer.polygons[near], office.places.crs, parsed(DEGREES))
        made: dict[str, Any] = json.loads(geojson(shapely.set_precision(shapes, 1e-7), rows))
        return made

    def duplicates(self, found: Resolved, *, item: str, network: str = GENERAL) -> list[tuple[Report, float]]:
        """Recorded cases that may be the same, the nearest first, with the metres to each.

        They are of the same item, within the distance and the time that the profile tells.
        """
        import numpy as np

        from gridgis.registry import reports
        from gridgis.registry.store import as_utc

        if found.lon is None or found.lat is None or not item:
            return []
        rules = found.office.profile.cases
        across, up = (float(one[0]) for one in scale_m(parsed(DEGREES), np.array([found.lat])))
        reach_m = rules.duplicate_m.value
        box = _box(found.lon, found.lat, reach_m)
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=rules.duplicate_hours.value)
        grids = [str(found.office.places.grids.codes[k]) for k in _rows_within(found.office, box)]
        with reading(self.store) as connection:
            rows = reports.around(connection, grids=grids, bbox=box, item=item, since=as_utc(since), network=network)
        near = [
            (one, float(np.hypot((one.lon - found.lon) * across, (one.lat - found.lat) * up)))
            for one in rows
            if one.lon is not None and one.lat is not None
        ]
        return sorted(((one, far) for one, far in near if far <= reach_m), key=lambda pair: (pair[1], pair[0].number))

    def warm(self, network: str = GENERAL) -> None:
        """Make ready what answers now, in a thread of its own; where nothing is in force yet, a case tells so."""
        threading.Thread(target=self._warm, args=(network,), name="case-desk", daemon=True).start()

    # ------------------------------------------------------------ what stands and what changed
    def _warm(self, network: str) -> None:
        from gridgis.errors import GridgisError

        try:
            self._ready(self._of(network))
        except (GridgisError, OSError):
            return  # whoever asks is told

    def _of(self, network: str) -> OfficesByTime:
        found = self._offices.get(network)
        if found is None:
            with self._making:
                found = self._offices.get(network) or self._made(network)
                self._offices[network] = found
        return found

    def _made(self, network: str) -> OfficesByTime:
        from gridgis.registry.store import utc_now

        return OfficesByTime(self.store, network, self.sources, timezone=self.timezone, now=utc_now())

    def _ready(self, offices: OfficesByTime) -> None:
        """Let an office answer one case, so that the first that comes does not wait."""
        import shapely

        from gridgis.resolve import resolution

        office = offices.sample
        office.places.warm()
        west, south, east, north = shapely.total_bounds(office.places.grids.polygons)
        now = datetime.datetime.now(datetime.UTC)
        resolution(office, crs=office.system, x=(west + east) / 2, y=(south + north) / 2, at=now)
        if office.gazetteer is not None:
            office.gazetteer.suggest("a")

    def _look(self) -> None:
        """Look whether something changed, at most so often; make the offices anew where it did."""
        from gridgis.registry.events import kinds_since

        if time.monotonic() - self._looked_at < LOOKED_EVERY_S or not self._looking.acquire(blocking=False):
            return
        try:
            self._looked_at = time.monotonic()
            with reading(self.store) as connection:
                last, kinds = kinds_since(connection, self._seen)
            first, self._seen = self._seen < 0, last
            if not first and any(kind.startswith(RENEWING) for kind in kinds):
                threading.Thread(target=self._renew, name="case-desk", daemon=True).start()
        finally:
            self._looking.release()

    def _renew(self) -> None:
        """Make all offices anew, then let them take the place of those before."""
        from gridgis.errors import GridgisError

        with self._making:
            for network in [*self._offices]:
                made = self._made(network)
                with contextlib.suppress(GridgisError, OSError):  # whoever asks is told
                    self._ready(made)
                self._offices[network] = made


def _degrees(office: Office, told: Resolution) -> tuple[float | None, float | None]:
    import numpy as np

    from gridgis.coordinates import to_crs

    if told.x is None or told.y is None:
        return None, None
    lon, lat = to_crs(np.array([told.x]), np.array([told.y]), source=office.system, target=DEGREES)
    return round(float(lon[0]), 7), round(float(lat[0]), 7)


def leader_of(office: Office, grid_code: str) -> str:
    """The name of the leader of a grid now; nothing where nobody is."""
    leaders = () if office.desk is None else office.desk.parties(grid_code).get("grid_leader", ())
    return leaders[0].name if leaders else ""


def _box(lon: float, lat: float, reach_m: float) -> tuple[float, float, float, float]:
    """West, south, east and north of what lies within some metres, in degrees."""
    import numpy as np

    across, up = (float(one[0]) for one in scale_m(parsed(DEGREES), np.array([lat])))
    return lon - reach_m / across, lat - reach_m / up, lon + reach_m / across, lat + reach_m / up


def _rows_within(office: Office, box: tuple[float, float, float, float]) -> list[int]:
    """The rows of the grids that a box of degrees meets."""
    import numpy as np
    import shapely

    from gridgis.coordinates import to_crs

    west, south, east, north = box
    corners = np.array([west, west, east, east]), np.array([south, north, south, north])
    x, y = to_crs(*corners, source=DEGREES, target=office.system)
    found = office.places.grids.tree.query(shapely.box(x.min(), y.min(), x.max(), y.max()))
    return sorted(int(k) for k in found)
