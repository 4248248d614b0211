"""`tiderelay serve` as a process, and `tiderelay ctl` asking it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import harness
import servers
from waiting import until


class Daemon:
    """`tiderelay serve` on a port of its own, and `tiderelay ctl` asking it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port, self.starts = servers.free_port(), 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch("--listen", f"127.0.0.1:{self.port}")
        until("the daemon answers", lambda: (self.ask("query-status")[0] == 0, self.tail()), 60)

    def launch(self, *more: str) -> None:
        self.starts += 1
        words = [str(harness.BINARY), "serve", "--data-dir", str(self.data), *more]
        with open(self.folder / f"serve-{self.starts}.log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

    def tail(self) -> str:
        return "\n".join((self.folder / f"serve-{self.starts}.log").read_text(errors="replace").splitlines()[-20:])

    def words(self) -> list[str]:
        return [str(harness.BINARY), "ctl", "--master-addr", f"127.0.0.1:{self.port}"]

    def ask(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of one command; an answer is always JSON, none is {}."""
        done = subprocess.run([*self.words(), *words], capture_output=True, text=True, timeout=300, cwd=self.folder)
        return done.returncode, json.loads(done.stdout) if done.stdout else {"err": done.stderr}

    def kill(self) -> None:
        assert self.process and self.process.poll() is None, self.tail()
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        assert self.process and self.process.poll() is None, self.tail()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)
