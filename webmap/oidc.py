"""Signing in by an OpenID provider: the code flow with state, nonce and PKCE. Nobody is made an actor by it.

Invariant: who comes back is the one who left (what he left with is in a cookie that only this server can read), with a
token that the provider signed for us and for this very sign-in. No host is asked but that of the provider.
Source: OpenID Connect Core 1.0 (3.1), RFC 7636, RFC 9207.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from gridgis import jobs
from gridgis.errors import Denied, Fault, InputRefused
from webmap.access import EVERYBODY, allow, settings, store
from webmap.account import count_try, refused_page, signed
from webmap.language import refusal
from webmap.settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from gridgis.registry.sealing import Seal

ALGORITHMS = ("RS256", "PS256", "ES256")
"""By which a provider may sign: none that takes a secret that we know, and never none."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
TIMEOUT_S, LEEWAY_S, AWAY_MOST_S = 5, 30, 600
"""How long the provider is waited for, clocks may differ, and somebody may be away to sign in there."""
WHOSE = "sign-in by a provider"

pages = Blueprint("oidc", __name__, url_prefix="/sign-in/oidc")


@dataclass(frozen=True)
class Provider:
    """Whom we ask, and as whom."""

    issuer: str
    client: str
    secret: str


def provider_of(told: Settings) -> Provider:
    """The provider of the settings.

    Raises
    ------
    InputRefused
        Where it is reached without HTTPS, its secret can be read by others, or what talks to it is not installed.
    """
    parts = urlsplit(told.oidc_issuer)
    home = {one.strip("[]") for one in LOOPBACK}
    faults = []
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in home):
        faults.append(Fault("settings", "oidc_issuer", f"is {told.oidc_issuer!r}", "Give an address with https://"))
    if not told.oidc_client:
        faults.append(Fault("settings", "oidc_client", "is not told", "Give what the provider calls this server"))
    path = Path(told.oidc_secret_file)
    if not told.oidc_secret_file or not path.is_file():
        faults.append(Fault("settings", "oidc_secret_file", "is no file", "Give the file of the client's secret"))
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        faults.append(Fault("settings", "oidc_secret_file", "may be read by others", f"Run: chmod 600 {path}"))
    try:
        import authlib  # noqa: F401
        import requests  # noqa: F401
    except ImportError:
        faults.append(Fault("settings", "oidc_issuer", "takes Authlib", "Run: pip install gridgis[oidc]"))
    if faults:
        raise InputRefused(faults)
    return Provider(told.oidc_issuer, told.oidc_client, path.read_text(encoding="utf-8").strip())


@pages.get("")
@allow(EVERYBODY)
def leave() -> Response | tuple[str, int]:
    """Send somebody to the provider."""
    count_try()
    try:
        endpoints = _endpoints()
    except Denied as refused:
        return refused_page(refusal(refused))
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    kept |= {"next": request.args.get("next", "")[:500], "at": str(int(time.time()))}
    address, _ = _client().create_authorization_url(
        endpoints["authorization_endpoint"],
        state=kept["state"],
        nonce=kept["nonce"],
        code_verifier=kept["verifier"],
    )
    answer = redirect(address)
    _keep(answer, base64.urlsafe_b64encode(_seal().sealed(WHOSE, kept)).decode(), AWAY_MOST_S)
    return answer


@pages.get("/back")
@allow(EVERYBODY)
def back() -> Response | tuple[str, int]:
    """Sign in who comes back from the provider."""
    count_try()
    try:
        kept = _kept()
        subject = _subject(kept)
        try:
            answer = signed(jobs.sign_in_subject(store(), subject), kept["next"])
        except Denied as refused:
            raise Denied(f"{refused} NAME {subject[:100]}" if str(refused).endswith("bind") else str(refused)) from None
    except Denied as refused:
        return refused_page(refusal(refused))
    _keep(answer, "", 0)
    return answer


# ---------------------------------------------------------------- who comes back
def _kept() -> dict[str, str]:
    """What somebody left with, where he is the one who comes back."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(_cookie(), ""))
        kept = _seal().opened(WHOSE, sealed)
    except (binascii.Error, ValueError, InputRefused):
        raise Denied("This browser did not begin to sign in here. Begin again.") from None
    right = hmac.compare_digest(kept["state"].encode(), request.args.get("state", "").encode())
    if not right or int(kept["at"]) < time.time() - AWAY_MOST_S:
        raise Denied("This sign-in was begun elsewhere, or too long ago. Begin again.")
    return kept


def _subject(kept: Mapping[str, str]) -> str:
    """The subject of who comes back, as the provider signed it."""
    if request.args.get("error"):
        raise Denied("The provider did not sign you in.")
    if request.args.get("iss", _provider().issuer) != _provider().issuer:
        raise Denied("Another provider answered. Begin again.")
    if not (code := request.args.get("code", "")):
        raise Denied("The provider sent no code. Begin again.")
    endpoints = _endpoints()
    claims = _claims(_tokens(endpoints["token_endpoint"], code, kept["verifier"]), endpoints["jwks_uri"], kept["nonce"])
    return str(claims["sub"])


def _tokens(endpoint: str, code: str, verifier: str) -> Mapping[str, Any]:
    import requests
    from authlib.common.errors import AuthlibBaseError

    try:
        found: Mapping[str, Any] = _client().fetch_token(
            endpoint, code=code, code_verifier=verifier, timeout=TIMEOUT_S, allow_redirects=False
        )
    except (requests.RequestException, AuthlibBaseError, ValueError) as error:
        raise _no_answer(error) from None
    return found


def _claims(tokens: Mapping[str, Any], keys: str, nonce: str) -> Mapping[str, Any]:
    """What the provider says of who signed in, where all of it holds."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    provider = _provider()
    must = {"iss": {"essential": True, "value": provider.issuer}, "aud": {"essential": True, "value": provider.client}}
    params = {"nonce": nonce, "client_id": provider.client, "access_token": tokens.get("access_token")}
    found: Any = _asked(keys)
    try:
        token = jwt.decode(str(tokens.get("id_token", "")), KeySet.import_key_set(found), algorithms=[*ALGORITHMS])
        claims = CodeIDToken(token.claims, token.header, must, params)
        claims.validate(leeway=LEEWAY_S)
        if not isinstance(claims["sub"], str) or not claims["sub"].strip():
            raise ValueError("sub is no text")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        current_app.logger.warning("a token of the provider does not hold: %s", type(error).__name__)
        raise Denied("What the provider says does not hold. Begin again, or tell those who keep the server.") from None
    return dict(claims)


# ---------------------------------------------------------------- the provider
def _provider() -> Provider:
    found: Provider = current_app.extensions["provider"]
    return found


def _client() -> Any:
    """What talks to the provider, and nobody besides: no proxy of the environment."""
    from authlib.integrations.requests_client import OAuth2Session

    provider = _provider()
    made = OAuth2Session(
        provider.client,
        provider.secret,
        scope="openid",
        redirect_uri=_back(),
        code_challenge_method="S256",
    )
    made.trust_env = False
    return made


def _back() -> str:
    """The address to which the provider sends back: as the public reaches us."""
    path = url_for("oidc.back")
    link = settings().link
    if not link:
        return url_for("oidc.back", _external=True)
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _endpoints() -> dict[str, str]:
    """Where the provider says that it is asked: all at its own host."""
    issuer = _provider().issuer
    found = _asked(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    told = {name: str(found.get(name, "")) for name in ENDPOINTS}
    home = urlsplit(issuer)[:2]
    if found.get("issuer") != issuer or any(urlsplit(one)[:2] != home for one in told.values()):
        raise Denied("The provider names another host or name than the settings. Tell those who keep the server.")
    return told


def _asked(address: str) -> dict[str, Any]:
    """JSON that the provider gives."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(address, timeout=TIMEOUT_S, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise _no_answer(error) from None
    if not isinstance(found, dict):
        raise _no_answer(ValueError("no object"))
    return found


def _no_answer(error: Exception) -> Denied:
    current_app.logger.warning("the provider did not answer as it should: %s", type(error).__name__)
    return Denied("The provider does not answer as it should. Try again later, or sign in by a password.")


# ---------------------------------------------------------------- the cookie of who is away
def _cookie() -> str:
    return "__Host-gridgis_away" if settings().secure else "gridgis_away"


def _keep(answer: Response, value: str, seconds: int) -> None:
    path = "/" if settings().secure else settings().prefix or "/"
    answer.set_cookie(
        _cookie(), value, max_age=seconds, httponly=True, secure=settings().secure, samesite="Lax", path=path
    )


def _seal() -> Seal:
    from gridgis.registry.sealing import load_key

    return load_key(settings().accounts_key, store=settings().store)
