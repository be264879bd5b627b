"""Answers that a browser may have already."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import Response, request


@dataclass(frozen=True)
class Answer:
    """JSON text and the tag by which a browser knows that it has it already."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, text: str | bytes) -> Answer:
        """Make the answer of a text; its tag follows from its bytes."""
        body = text.encode() if isinstance(text, str) else text
        return cls(body, hashlib.sha256(body).hexdigest()[:32])


def send(answer: Answer, *, mimetype: str = "application/json") -> Response:
    """An answer, or that the browser has it already."""
    response = Response(answer.body, mimetype=mimetype)
    response.set_etag(answer.etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response
