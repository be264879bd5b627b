"""What is asked of a pyramid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What is asked of a pyramid: days since 1970 from `first` to before `stop`, items and sources by their ids."""

    first: int
    stop: int
    pairs: tuple[tuple[int, int], ...]

    @property
    def days(self) -> int:
        """Length of the window."""
        return self.stop - self.first
