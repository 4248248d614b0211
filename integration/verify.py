"""`tiderelay verify` of a mover's files."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import harness
from harness import Mover


def verify(mover: Mover, *more: str, seconds: float = 400) -> tuple[int, dict[str, Any]]:
    """Exit code and answer."""
    words = [str(harness.BINARY), "verify", "--task", str(mover.task_file), *more]
    for file in mover.source_files:
        words += ["--source", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, cwd=mover.folder)
    if done.returncode == 2:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


def found(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(table, kind, key) of each difference."""
    return sorted((row["table"], row["kind"], row["key"]) for row in answer["differences"])


def table_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(table for table in answer["tables"] if table["table"] == name)
