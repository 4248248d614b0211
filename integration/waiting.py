"""Waits for facts, never for a time: polls a condition up to a deadline; a failure prints the last state seen."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable


class TooLate(AssertionError):
    """The deadline passed; the text holds the last state that was seen."""


def pause(seconds: float) -> None:
    """The gap between two looks at a condition; nothing else may wait for mere time."""
    threading.Event().wait(seconds)


def until(
    what: str,
    look: Callable[[], tuple[bool, Any]],
    deadline_seconds: float = 60,
    every_seconds: float = 0.05,
) -> Any:
    """Calls `look` until it says (True, state) and returns that state."""
    end = time.monotonic() + deadline_seconds
    while True:
        done, state = look()
        if done:
            return state
        if time.monotonic() > end:
            raise TooLate(f"{what}: not within {deadline_seconds:g} s; last seen: {state}")
        pause(every_seconds)
