"""A small OpenID provider of our own on loopback: it signs in whoever it is told, and lies where it is told to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "gridgis-test", "a secret of the client"


@dataclass
class Issuer:
    """The provider.

    Attributes
    ----------
    subject : of who signs in
    lie : changes the claims that are signed
    discovery : changes what is told of its addresses
    header : of the token; "none" as `alg` leaves it unsigned, "HS256" signs it with the secret of the client
    """

    subject: str = "sub-7"
    lie: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    header: dict[str, str] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.keys = {
            "RS256": RSAKey.generate_key(2048, {"kid": "one"}),
            "ES256": ECKey.generate_key("P-256", {"kid": "two"}),
        }
        self.foreign = RSAKey.generate_key(2048, {"kid": "one"})
        self.use_foreign = False

    def token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 60}
        claims = {**claims, "nonce": asked["nonce"], **self.lie}
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm = self.header["alg"]
        if algorithm == "none":
            parts = (json.dumps(self.header), json.dumps(claims))
            return ".".join(base64.urlsafe_b64encode(one.encode()).decode().rstrip("=") for one in parts) + "."
        key: Any = self.foreign if self.use_foreign else self.keys.get(algorithm)
        if algorithm == "HS256":
            key = OctKey.import_key(SECRET.encode().ljust(32, b"."))
        return jwt.encode(self.header, claims, key, algorithms=[algorithm])

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            told = {"issuer": self.url, "authorization_endpoint": f"{self.url}/authorize"}
            told |= {"token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys"}
            return 200, told | self.discovery
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys.values()]}
        if path != "/token":
            return 404, {}
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or authorization != f"Basic {basic}" or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if asked["code_challenge"] != challenge.decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": self.token(asked)}

    def consent(self, address: str) -> str:
        """What a browser does at the provider: somebody signs in there, and is sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert (asked["client_id"], asked["scope"], asked["code_challenge_method"]) == (CLIENT, "openid", "S256")
        code = f"code-{len(self.codes)}-{time.monotonic_ns()}"
        self.codes[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"


@contextlib.contextmanager
def issuing() -> Iterator[Issuer]:
    """A provider that listens."""
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, told = made.answer(urlsplit(self.path).path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
