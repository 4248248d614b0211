"""TiDB DM as the peer of benchmarks and answers: dm-master and dm-worker on loopback, asked by dmctl (all on PATH)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import harness
from packages import Missing
from servers import HOST, Server, free_port
from waiting import until

PROGRAMS = ("dm-master", "dm-worker", "dmctl")


def _programs() -> None:
    for name in PROGRAMS:
        if shutil.which(name) is None:
            raise Missing(f"{name} is not on PATH")


class Dm:
    """One master, one worker, one source."""

    def __init__(self, folder: Path, source: Server, create: bool = True) -> None:
        _programs()
        self.folder = folder
        folder.mkdir(parents=True)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.master = f"{HOST}:{free_port()}"
        peer = f"http://{HOST}:{free_port()}"
        self._start("dm-master", "--name", "m", "--master-addr", self.master, "--advertise-addr", self.master,
                    "--peer-urls", peer, "--advertise-peer-urls", peer, "--initial-cluster", f"m={peer}",
                    "--data-dir", str(folder / "master"))
        worker = f"{HOST}:{free_port()}"
        self._start("dm-worker", "--name", "w", "--worker-addr", worker, "--advertise-addr", worker,
                    "--join", self.master)
        until("dm-master and dm-worker", self._worker_is_free, 60, 0.5)
        harness.write_yaml(folder / "s1.yaml", harness.source_document("s1", source))
        if create:
            self.ctl("operate-source", "create", str(folder / "s1.yaml"))

    def _start(self, program: str, *arguments: str) -> None:
        with open(self.folder / f"{program}.out", "wb") as out:
            self.processes.append(subprocess.Popen(
                [program, *arguments, "--log-file", str(self.folder / f"{program}.log"), "-L", "warn"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder))

    def _worker_is_free(self) -> tuple[bool, str]:
        for process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"DM ended during its start:\n{self.tail()}")
        try:
            text = json.dumps(self.ctl("list-member"))
        except AssertionError as problem:
            return False, str(problem)
        return '"free"' in text, text

    def tail(self) -> str:
        return "".join(file.read_text(errors="replace")[-1500:] for file in sorted(self.folder.glob("dm-*.*")))

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["dmctl", "--master-addr", self.master, *words], capture_output=True, text=True,
                              cwd=self.folder, timeout=300)

    def ctl(self, *words: str) -> dict[str, Any]:
        done = self.ask(*words)
        start = done.stdout.find("{")
        try:
            answer: dict[str, Any] = json.loads(done.stdout[start:])
        except ValueError:
            raise AssertionError(f"dmctl {words[0]}: {done.stdout}{done.stderr}") from None
        if not answer.get("result"):
            raise AssertionError(f"dmctl {words[0]}: {answer.get('msg')} {done.stdout[-800:]}")
        return answer

    def start_task(self, target: Server, schemas: list[str], mode: str, syncer: dict[str, Any]) -> None:
        task = harness.task_document("bench", target, ["s1"], schemas, {
            "task-mode": mode, "ignore-checking-items": ["all"],
            "mydumpers": {"all": {"threads": 4}}, "loaders": {"all": {"pool-size": 16}}, "syncers": {"all": syncer}})
        task["mysql-instances"][0].update({"loader-config-name": "all", "syncer-config-name": "all"})
        self.ctl("start-task", str(harness.write_yaml(self.folder / "task.yaml", task)))

    def status(self) -> dict[str, Any]:
        answer = self.ctl("query-status", "bench")
        status: dict[str, Any] = answer["sources"][0]["subTaskStatus"][0]
        if status["stage"] == "Paused" and status.get("result", {}).get("errors"):
            raise AssertionError(f"DM has paused: {status['result']['errors']}")
        return status

    def wait(self, stage: str, unit: str, seconds: float = 3600) -> None:
        def look() -> tuple[bool, Any]:
            status = self.status()
            synced = unit != "Sync" or stage != "Running" or status.get("sync", {}).get("synced", False)
            return status["stage"] == stage and status["unit"] == unit and synced, status
        until(f"DM {stage} in {unit}", look, seconds, 0.2)

    def worker_pid(self) -> int:
        return self.processes[1].pid

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
