"""The pages: a Flask application over one division, and the way to serve it on this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def create_app(division_path: str | Path, *, config: Mapping[str, Any] | None = None) -> Flask:
    """Make the application that shows one division.

    Invariant: nothing is read before it is asked for, and the division is read once.

    Parameters
    ----------
    division_path : str or Path
        GeoPackage in the contract's format.
    config : mapping, optional
        Flask's own settings. `TRUSTED_HOSTS` (host names by which the server may be called) is loopback
        where it is not given. `READ_DIVISION` is a function from path to
        :class:`~gridgis.schema.Division`, for a division that comes from elsewhere.
    """
    from webmap import guard, planner
    from webmap.shelf import Shelf

    app = Flask(__name__)
    app.config.update({"TRUSTED_HOSTS": list(LOOPBACK), "MAX_CONTENT_LENGTH": 1 << 20, **(config or {})})
    app.extensions["shelf"] = Shelf(Path(division_path), read=app.config.get("READ_DIVISION"))
    app.register_blueprint(planner.pages)
    guard.protect(app)
    return app


def serve(path: str | Path, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the pages of a division until Ctrl-C; the division is read while the first page loads.

    Parameters
    ----------
    path : str or Path
        GeoPackage in the contract's format.
    host : str
        Address to listen on. Only loopback and this very name are answered.

    Raises
    ------
    InputRefused
        Where there is no such file, or the address cannot be listened on.
    """
    import threading

    from gridgis.errors import Fault, InputRefused

    if not Path(path).is_file():
        raise InputRefused([Fault("division", str(path), "no such file", "Name a division that gridgis divide made")])

    app = create_app(path, config={"TRUSTED_HOSTS": [*LOOPBACK, *_names(host)]})
    server = _listen(app, host, port)
    threading.Thread(target=app.extensions["shelf"].warm_up, name="read division", daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{server.server_port}/  (Ctrl-C ends)", flush=True)
    server.serve_forever()


def _listen(app: Flask, host: str, port: int) -> BaseWSGIServer:
    from werkzeug.serving import WSGIRequestHandler, make_server

    from gridgis.errors import Fault, InputRefused

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if not str(code).startswith(("2", "3")):
                super().log_request(code, size)

    try:
        return make_server(host, port, app, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit):  # werkzeug ends the process where the port is taken
        cure = "Choose another with --port, or end the program that has it"
        raise InputRefused([Fault("server", f"{host}:{port}", "cannot be listened on", cure)]) from None


def _names(host: str) -> list[str]:
    """Names for `host` in a request: an IPv6 address stands in brackets; "any address" is no name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [host]
    if address.is_unspecified:
        return []
    return [f"[{host}]" if address.version == 6 else host]
