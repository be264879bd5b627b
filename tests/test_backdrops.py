"""Scans behind the planner's map: read safely, laid by control points, kept in their district, seen in a browser."""

from __future__ import annotations

import io
import struct
import zlib

import browser
import numpy as np
import pytest
from city import SMALL, client_of, make_city, served, sign_in, signed_in
from PIL import Image
from pyproj import Geod

import webmap
from gridgis.errors import InputRefused
from gridgis.geometry.georeference import lay
from gridgis.uploads import read_picture_upload
from gridgis.uploads.picture import MOST_ACROSS
from webmap.language import page_texts

SIZE = (400, 300)


def png(size=SIZE, mode="RGB", kind="PNG", **more):
    out = io.BytesIO()
    noise = Image.effect_noise(size, 60)
    (noise.convert("I").convert(mode) if mode == "I;16" else noise.convert(mode)).save(out, kind, **more)
    return out.getvalue()


# ---------------------------------------------------------------- the fit
def placed(pixels, *, turn=0.3, scale_m=0.8, at=(114.33, 30.38)):
    """Longitude and latitude of pixels of a scan that lies turned on the ground."""
    geod = Geod(ellps="WGS84")
    x, y = np.array(pixels, dtype=float).T * scale_m
    lon, lat, _ = geod.fwd([at[0]] * len(x), [at[1]] * len(x), np.degrees(np.arctan2(x, -y) + turn), np.hypot(x, y))
    return list(zip(lon, lat, strict=True))


def test_a_scan_is_laid_where_it_is_on_the_ground():
    pixels = [(20, 30), (390, 10), (370, 280), (15, 290), (200, 150)]
    laid = lay(pixels, placed(pixels), size=SIZE)
    truth = placed([(0, 0), (400, 0), (400, 300), (0, 300)])
    geod = Geod(ellps="WGS84")
    for (lon, lat), (x, y) in zip(laid.corners, truth, strict=True):
        assert geod.inv(lon, lat, x, y)[2] < 1.0
    assert laid.rms_m < 0.2


def test_metres_of_a_point_that_is_off_are_those_on_the_ground():
    pixels = [(0, 0), (400, 0), (400, 300), (0, 300)]
    places = placed(pixels)
    lon, lat, _ = Geod(ellps="WGS84").fwd(*places[2], 90.0, 20.0)
    laid = lay(pixels, [*places[:2], (lon, lat), places[3]], size=SIZE)
    assert laid.off_m == pytest.approx([5.0] * 4, abs=0.1)  # an affine map shares it out over the four corners
    assert laid.rms_m == pytest.approx(5.0, abs=0.1)


def test_three_points_fit_whatever_they_are():
    pixels = [(0, 0), (400, 0), (0, 300)]
    laid = lay(pixels, [(114.33, 30.38), (114.35, 30.36), (114.33, 30.31)], size=SIZE)
    assert max(laid.off_m) < 1e-3
    assert laid.corners[0] == pytest.approx((114.33, 30.38))
    assert laid.corners[1] == pytest.approx((114.35, 30.36))


@pytest.mark.parametrize(
    ("pixels", "said"),
    [([(0, 0), (9, 9)], "are 2"), ([(0, 0), (100, 100), (300, 300)], "one line"), ([(5, 5)] * 4, "one line")],
)
def test_points_that_fix_nothing_are_refused(pixels, said):
    with pytest.raises(InputRefused, match=said):
        lay(pixels, placed(pixels), size=SIZE)


# ---------------------------------------------------------------- the reader
def read(tmp_path, data, name):
    (tmp_path / "sent").write_bytes(data)
    return read_picture_upload(tmp_path / "sent", name=name)


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "I;16"])
def test_pictures_are_drawn_anew(tmp_path, mode):
    found = read(tmp_path, png(mode=mode), "plan.PNG")
    assert (found.width, found.height) == SIZE == opened(found.data).size
    assert (opened(found.data).format, opened(found.data).mode) == ("JPEG", "RGB")


def test_nothing_that_came_with_a_picture_stays(tmp_path):
    exif = Image.Exif()
    exif[274], exif[315] = 6, "somebody"  # turned to the right; the artist
    data = png(kind="JPEG", exif=exif, comment=b"secret") + b"<script>polyglot</script>"
    found = read(tmp_path, data, "plan.jpeg")
    assert (found.width, found.height) == SIZE[::-1]
    assert not dict(opened(found.data).getexif())
    for text in (b"somebody", b"secret", b"polyglot"):
        assert text in data
        assert text not in found.data


def test_large_pictures_are_made_smaller(tmp_path):
    found = read(tmp_path, png(size=(6_000, 1_500), mode="L"), "plan.png")
    assert (found.width, found.height) == (MOST_ACROSS, MOST_ACROSS // 4)


def bomb(width, height):
    """A small PNG that says that it is large."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))  # noqa: E731
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (bomb(30_000, 30_000), "plan.png", "60000000 pixels"),
        (png()[:2_000], "plan.png", "no whole picture"),
        (png(kind="JPEG"), "plan.png", "is not a PNG picture"),
        (png(), "plan.jpg", "is not a JPEG picture"),
        (png(kind="GIF", mode="P"), "plan.png", "is not a PNG picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "plan.png", "no whole picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "plan.svg", "are not taken"),
        (png(size=(1, 200)), "plan.png", "less than two pixels"),
        (b"", "plan.png", "is empty"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, data, name, said):
    with pytest.raises(InputRefused) as refused:
        read(tmp_path, data, name)
    assert said in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


# ---------------------------------------------------------------- served
@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), plan=SMALL)


def send(client, data=None, name="plan.png", **more):
    form = {"file": (io.BytesIO(png() if data is None else data), name), **more}
    return client.post("/api/backdrops", data=form, content_type="multipart/form-data")


def points(number=4):
    pixels = [(20, 30), (390, 10), (370, 280), (15, 290), (200, 150)][:number]
    return [{"x": x, "y": y, "lon": lon, "lat": lat} for (x, y), (lon, lat) in zip(pixels, placed(pixels), strict=True)]


def test_a_scan_is_sent_laid_seen_and_deleted(app):
    planner = signed_in(app, "planner")
    assert send(planner, name="../街道图.png").status_code == 422
    made = send(planner, name="街道图.png")
    assert made.status_code == 201, made.text
    one = made.json
    assert (one["name"], one["by"], one["corners"]) == ("街道图.png", "planner", None)
    path = f"/api/backdrops/{one['id']}"
    laid = planner.put(path, json={"points": points()})
    assert laid.status_code == 200, laid.text
    assert len(laid.json["corners"]) == 4
    assert laid.json["rms_m"] < 0.2
    assert [row["id"] for row in signed_in(app, "reviewer").get("/api/backdrops").json["backdrops"]] == [one["id"]]
    picture = planner.get(f"{path}/picture.jpg")
    assert (picture.mimetype, opened(picture.data).size) == ("image/jpeg", SIZE)
    assert planner.get(f"{path}/picture.jpg", headers={"If-None-Match": picture.headers["ETag"]}).status_code == 304
    few = planner.put(path, json={"points": points(2)})
    assert few.status_code == 422
    assert planner.get("/api/backdrops").json["backdrops"][0]["corners"] == laid.json["corners"]
    assert planner.delete(path).status_code == 204
    assert planner.get("/api/backdrops").json["backdrops"] == []
    assert planner.get(f"{path}/picture.jpg").status_code == 422


def test_only_planners_and_administrators_of_the_district_lay_scans(app):
    one = send(signed_in(app, "planner")).json["id"]
    path = f"/api/backdrops/{one}"
    for name, status in (("reviewer", 403), ("submitter", 403), ("leader", 403), ("other_planner", 403)):
        client = signed_in(app, name)
        assert client.put(path, json={"points": points()}).status_code == status, name
        assert client.delete(path).status_code == status, name
    outside = signed_in(app, "other_planner")
    assert outside.get("/api/backdrops").json["backdrops"] == []
    assert outside.get(f"{path}/picture.jpg").status_code == 403
    assert send(outside, district=one[:6]).status_code == 403
    assert client_of(app).get("/api/backdrops").status_code == 401
    assert send(signed_in(app, "city_planner"), district=one[:6]).status_code == 201
    assert send(signed_in(app, "city_planner"), district="../../x").status_code == 422
    for bad in ("x", f"{one}x", "..%2f..%2fkey", f"{one[:6]}-{'0' * 16}"):
        assert signed_in(app, "planner").get(f"/api/backdrops/{bad}/picture.jpg").status_code in (404, 422), bad


def test_bad_pictures_leave_nothing(app, told):
    planner, before = signed_in(app, "planner"), len(list((told.folder / "backdrops").iterdir()))
    for data, name in ((b"x", "plan.png"), (bomb(30_000, 30_000), "plan.png"), (png(), "plan.tif")):
        answer = send(planner, data, name)
        assert answer.status_code == 422
        assert str(told.folder) not in answer.text
    assert len(list((told.folder / "backdrops").iterdir())) == before
    assert list((told.folder / "uploads").glob("[0-9a-f]*")) == []


@browser.needs_chromium
def test_a_planner_lays_a_scan_by_clicks_and_moves_its_opacity(told, tmp_path):
    app = webmap.create_app(told)
    browser.needs_scripts(app)
    texts, file = page_texts("en")["backdrop"], tmp_path / "old plan.png"
    file.write_bytes(png(size=(800, 600)))
    with (
        served(app) as site,
        browser.chromium() as window,
        browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard),
    ):
        sign_in(page, site, "planner", onward="/%3Flang=en")
        page.wait_for_selector("body.drawn")
        picked = page.evaluate("location.hash")
        page.keyboard.press("p")
        page.set_input_files(".scans input[type=file]", file)
        page.wait_for_selector(".scan img")
        box = page.locator("#map canvas").bounding_box()
        clicks = ((20, 20, 900, 200), (300, 30, 1200, 210), (40, 200, 910, 420), (300, 220, 1210, 430))
        for x, y, *spot in clicks:
            page.locator(".scan img").click(position={"x": x, "y": y})
            assert texts["click_map"][:9] in page.inner_text(".laying [role=status]")
            page.mouse.click(*spot)
        assert page.locator(".laying tbody tr").count() == 4
        assert page.evaluate("location.hash").split("&")[-1] == picked.split("&")[-1]  # the click picked no grid
        page.click(".laying button.main")
        page.wait_for_selector(".laying .off:not(:empty)")
        page.wait_for_function("() => planner.view.map.isSourceLoaded('backdrop')")
        corners = page.evaluate("planner.backdrops.one.corners")
        first = page.evaluate("([lon, lat]) => planner.view.map.project([lon, lat])", corners[0])
        assert abs(first["x"] + box["x"] - 878) < 15
        page.locator(".scans input[type=range]").fill("30")
        assert page.evaluate("planner.view.map.getPaintProperty('backdrop', 'raster-opacity')") == 0.3
        order = page.evaluate("planner.view.map.getStyle().layers.map(({ id }) => id)")
        assert order.index("backdrop") < order.index("grids")
        page.reload()
        page.wait_for_selector("body.drawn")
        page.wait_for_function("() => planner.view.map.getLayer('backdrop')")
        assert page.evaluate("planner.view.map.getPaintProperty('backdrop', 'raster-opacity')") == 0.3
        page.keyboard.press("p")
        page.select_option(".scans select", "")
        page.evaluate("planner.view.map.jumpTo({ center: [100, 30] })")
        page.select_option(".scans select", index=1)
        assert page.evaluate("planner.view.map.getBounds().contains(planner.backdrops.one.corners[0])")
    assert heard.complaints == []
    assert heard.outside(site) == []
