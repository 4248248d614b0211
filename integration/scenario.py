"""The base of every scenario: servers of its own, stopped and removed when it ends; loud skips and required servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path
from typing import Any, Callable, TypeVar

import harness
import servers
from packages import Missing
from servers import Server
from waiting import until

LONG = bool(os.environ.get("TIDERELAY_LONG"))
REQUIRED = ("mysql57", "mysql80", "mariadb")  # from ordinary registries: their absence is a failure, not a skip
T = TypeVar("T")


def only_long(thing: T) -> T:
    """Marks a test method or class for --long."""
    setattr(thing, "only_long", True)
    return thing


class Scenario(unittest.TestCase):
    """`self.server(kind)` starts one; `self.folder` is the scenario's own; both go at the end unless $KEEP is set."""

    def setUp(self) -> None:
        self.folder = servers.RUN / f"{os.getpid()}" / self.id().rpartition(".")[2][:60]
        self.folder.mkdir(parents=True)
        self.addCleanup(self._remove_folder)

    def _remove_folder(self) -> None:
        if os.environ.get("KEEP"):
            print(f"kept: {self.folder}")
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.parent.rmdir()
        except OSError:
            pass  # another scenario of this process left something there

    def server(self, kind: str, name: str | None = None, **how: Any) -> Server:
        """A running server. Without it the scenario is skipped when the kind is optional, and fails otherwise."""
        try:
            server = servers.create(kind, name=name or f"{kind}-{self._count()}", run=self.folder, **how)
        except Missing as missing:
            self.give_up(kind, missing)
        self.addCleanup(server.kill if os.environ.get("KEEP") else server.remove)
        return server.start()

    def _count(self) -> int:
        return len(list(self.folder.glob("*/instance.json")))

    def give_up(self, kind: str, missing: Missing) -> None:
        if kind in REQUIRED:
            self.fail(f"{kind} is required: {missing}")
        self.skipTest(str(missing))

    def need_tiderelay(self) -> None:
        """A program that is missing or broken is a failure; only one whose help lists no `run` skips."""
        if not harness.BINARY.exists():
            self.fail(f"{harness.BINARY} does not exist; run make build, or set TIDERELAY")
        asked = subprocess.run([harness.BINARY, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual(asked.returncode, 0, f"{harness.BINARY} --help: {asked.stdout}{asked.stderr}")
        if not re.search(r"^\s+run\b", asked.stdout, re.M):
            self.skipTest("this tiderelay has no command `run`")

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    @staticmethod
    def until(what: str, look: Callable[[], tuple[bool, Any]], deadline_seconds: float = 60) -> Any:
        return until(what, look, deadline_seconds)

    def each(self, cases: list[T], run: Callable[[T], None]) -> None:
        for case in cases:
            with self.subTest(str(case)):
                run(case)


class MoverScenario(Scenario):
    """A scenario that runs tiderelay."""

    def target_server(self, kind: str, schemas: list[str], **how: Any) -> Server:
        """A target whose schemas the scenario may fill."""
        target = self.server(kind, **how)
        try:
            self.addCleanup(harness.claim(target, schemas))
        except Missing as taken:
            self.fail(str(taken))
        return target

    def setUp(self) -> None:
        self.need_tiderelay()
        super().setUp()
