"""What addresses take, for the description of the interface: our own readers judge it, and tell all faults at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., object])


def takes(
    *, query: type[BaseModel] | None = None, body: type[BaseModel] | None = None, kind: str = "application/json"
) -> Callable[[View], View]:
    """Describe what an address takes, without judging it."""

    def marked(view: View) -> View:
        told: dict[str, Any] = getattr(view, "_spec", {})
        if query is not None:
            told["args"] = [*(told.get("args") or []), (query, "query")]
        if body is not None:
            told |= {"body": body, "body_example": None, "body_examples": None, "content_type": kind}
        view._spec = told  # type: ignore[attr-defined]
        return view

    return marked
