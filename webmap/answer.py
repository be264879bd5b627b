"""Answers that a browser may have already, compressed once where they are asked for often."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

from flask import Response, request

NOTHING = '{"type":"FeatureCollection","features":[]}'
"""GeoJSON of no feature."""


@dataclass(frozen=True)
class Answer:
    """A text and the tag by which a browser knows that it has it already; packed, the text is held by gzip."""

    body: bytes
    etag: str
    packed: bool = False

    @classmethod
    def of(cls, text: str | bytes) -> Answer:
        """Make the answer of a text; its tag follows from its bytes."""
        body = text.encode() if isinstance(text, str) else text
        return cls(body, _tag(body))

    @classmethod
    def pack(cls, text: str | bytes) -> Answer:
        """Make the answer of a text that is sent many times."""
        return cls.of_packed(gzip.compress(text.encode() if isinstance(text, str) else text, compresslevel=6, mtime=0))

    @classmethod
    def of_packed(cls, body: bytes) -> Answer:
        """Make the answer of what was packed before."""
        return cls(body, _tag(body), packed=True)


def _tag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def send(answer: Answer, *, mimetype: str = "application/json") -> Response:
    """An answer, or that the browser has it already."""
    made = zipped if answer.packed else Response
    response = made(answer.body, mimetype=mimetype)
    response.set_etag(answer.etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def zipped(body: bytes, *, mimetype: str) -> Response:
    """What is held by gzip, as who asks can read it."""
    response = Response(body, mimetype=mimetype)
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        response.content_encoding = "gzip"
    else:
        response.set_data(gzip.decompress(body))
    return response
