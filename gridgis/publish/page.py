"""A page that stands alone: a folium map whose style, scripts and data stand inside the file."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import folium
from branca.element import Element, MacroElement
from jinja2 import Template

from gridgis.publish.whole import written_whole


class _Layer(MacroElement):
    """Hands the data of the page to the function of its script."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "{{ this.function }}({{ this._parent.get_name() }},"
        " JSON.parse(document.getElementById('gridgis-data').textContent));"
        "{% endmacro %}"
    )

    def __init__(self, function: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.function = function


class _Verbatim(Element):
    """Text that goes into the page as it is: names in it are data, never a template."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def stand_alone(
    data: str,
    *,
    title: str,
    bounds: Sequence[Sequence[float]],
    function: str,
    name: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    zoom_control: bool | str = True,
) -> folium.Map:
    """Make a page of a map that asks nothing of any network when it is opened.

    Invariant: the same arguments give the same page, byte by byte.

    Parameters
    ----------
    data : str
        JSON that :func:`embedded` has made safe.
    title : str
        Plain text.
    bounds : ((south, west), (north, east))
    function : str
        Of the scripts; it is called with the map and the data.
    name : str
        Name of the element of the map, in place of folium's random one.
    styles, scripts : sequence of str
        Files of `static` beside those of Leaflet, in the order in which they are needed.
    zoom_control : bool or str
        Where the buttons for zooming stand, as folium takes it.
    """
    (south, west), (north, east) = bounds
    drawn = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        prefer_canvas=True,
        zoom_snap=0.25,
        zoom_control=zoom_control,
    )
    drawn.default_js, drawn.default_css = [], []  # nothing is linked: what is needed stands in the page
    drawn._id = name  # folium draws a random name, and the same data shall give the same bytes
    layer = _Layer(function)
    layer._id = name
    drawn.add_child(layer, name=name)
    head = drawn.get_root().header  # type: ignore[attr-defined]
    for key, text in _head(data, title=title, styles=styles, scripts=scripts).items():
        head.add_child(_Verbatim(text), name=key)
    return drawn


def write_page(drawn: folium.Map, path: str | Path) -> None:
    """Write a page as one HTML file, beside and then renamed, so that none is ever half there."""
    page = drawn.get_root().render()
    with written_whole(path) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")


def embedded(json_text: str) -> str:
    """Write JSON so that it cannot end the script element it stands in."""
    return json_text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def _head(data: str, *, title: str, styles: Sequence[str], scripts: Sequence[str]) -> Mapping[str, str]:
    """Style, scripts and data of the page, in the order in which they are needed."""
    # images of controls that are not used; the map of the script's own source, for its developers
    leaflet_css = re.sub(r"url\(images/[^)]*\)", "none", _static("leaflet.css"))
    leaflet_js = re.sub(r"//# sourceMappingURL=\S+", "", _static("leaflet.js"))
    return {
        "title": f"<title>{html.escape(title)}</title>",
        "icon": '<link rel="icon" href="data:,">',
        "css": "<style>{}</style>".format("\n".join([leaflet_css, *map(_static, styles)])),
        "licence": f"<!-- Leaflet\n{_static('leaflet-LICENSE.txt')}-->",
        "leaflet": f"<script>{leaflet_js}</script>",
        "map": "<script>{}</script>".format("\n".join(map(_static, scripts))),
        "data": f'<script type="application/json" id="gridgis-data">{data}</script>',
    }


def _static(name: str) -> str:
    return resources.files("gridgis.publish").joinpath(f"static/{name}").read_text(encoding="utf-8")
