"""Behind a proxy: nginx with HTTPS in front, under a path of its own that it takes off or hands on."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from browser import chromium, needs_chromium, opened
from city import make_city, served, sign_in
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import webmap

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PREFIX = "/grids"
PAGES = ("/", "/review", "/dispatch", "/heat", "/public", "/account", "/admin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx: install it by tests/system-packages")


def certificate(folder: Path) -> None:
    """A key and a certificate of loopback that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def proxy(folder: Path, behind: str, *, takes_off: bool):
    """A proxy in front of a server; gives the address by which people reach it."""
    port = free_port()
    certificate(folder)
    config = f"""
    daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}
    http {{
      access_log off;
      client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
      uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
      server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location {PREFIX}/ {{
          proxy_pass {behind}{"/" if takes_off else ""};
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-For $remote_addr;
          proxy_set_header X-Forwarded-Proto https;
        }}
      }}
    }}
    """
    (folder / "nginx.conf").write_text(config)
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        yield f"https://localhost:{port}"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


@needs_chromium
@pytest.mark.parametrize("takes_off", [True, False], ids=["the path is taken off", "the path is handed on"])
def test_every_page_works_under_a_path_by_https(tmp_path, takes_off):
    settings = replace(make_city(tmp_path), prefix=PREFIX, proxies=1, secure=True)
    app = webmap.create_app(settings)
    with (
        served(app) as behind,
        proxy(tmp_path, behind, takes_off=takes_off) as outside,
        chromium() as browser,
        opened(browser, f"{outside}{PREFIX}/public", ignore_https_errors=True) as (page, heard),
    ):
        sign_in(page, f"{outside}{PREFIX}", "administrator", onward="/review")
        page.wait_for_url(f"{outside}{PREFIX}/review")
        (cookie,) = [one for one in page.context.cookies() if "gridgis" in one["name"] and one["httpOnly"]]
        assert cookie["secure"]
        for path in PAGES:
            answer = page.goto(f"{outside}{PREFIX}{path}")
            assert answer.status == 200, path
            page.wait_for_load_state("networkidle")
            links = page.eval_on_selector_all("a[href], form[action]", "all => all.map(one => one.href || one.action)")
            assert all(link.startswith(f"{outside}{PREFIX}/") or "#" in link for link in links), (path, links)
        assert heard.outside(f"{outside}{PREFIX}/") == []
        assert [one for one in heard.complaints if "422" not in one] == []  # no cases are counted in this city
