"""tiderelay under test: its files written, its process started, killed, waited for; one place for its command line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import servers
from packages import HERE, Missing
from servers import Server
from waiting import pause, until

TOP = HERE.parent
BINARY = Path(os.environ.get("TIDERELAY") or TOP / "build/check/tiderelay").resolve()
Document = dict[str, Any]


def write_yaml(path: Path, document: Document) -> Path:
    path.write_text(json.dumps(document, indent=2))  # JSON is YAML
    return path


def source_document(source_id: str, server: Server, **changes: Any) -> Document:
    """A DM source file; `changes` replace top-level keys, `from_...` those of `from`."""
    mariadb = server.kind == "mariadb"
    document: Document = {
        "source-id": source_id,
        "enable-gtid": mariadb or bool(server.facts.get("gtid")),
        "from": {"host": server.host, "port": server.port, "user": server.user, "password": server.password},
    }
    for key, value in changes.items():
        if key.startswith("from_"):
            document["from"][key[5:]] = value
        else:
            document[key.replace("_", "-")] = value
    return document


def task_document(name: str, target: Server, source_ids: Sequence[str], schemas: Sequence[str],
                  changes: Mapping[str, Any] | None = None) -> Document:
    """A DM task file that takes whole schemas; `changes` replace top-level keys."""
    return {
        "name": name,
        "task-mode": "all",
        "target-database": {"host": target.host, "port": target.port, "user": target.user,
                            "password": target.password},
        "mysql-instances": [{"source-id": source_id, "block-allow-list": "all", "mydumper-config-name": "all"}
                            for source_id in source_ids],
        "block-allow-list": {"all": {"do-dbs": list(schemas)}},
        "mydumpers": {"all": {"threads": 2, "chunk-filesize": 1}},
        **(changes or {}),
    }


class Mover:
    """`tiderelay run` in the foreground, with its data in a folder that survives kill -9."""

    def __init__(self, folder: Path, sources: Mapping[str, Document], task: Document, name: str = "mover") -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.task_file = write_yaml(self.folder / "task.yaml", task)
        self.source_files = [write_yaml(self.folder / f"{source_id}.yaml", document)
                             for source_id, document in sources.items()]
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def command(self, *more: str) -> list[str]:
        words = [str(BINARY), "run", "--data-dir", str(self.data), "--task", str(self.task_file)]
        for file in self.source_files:
            words += ["--source", str(file)]
        return [*words, *more]

    def start(self, *more: str) -> "Mover":
        self.starts += 1
        with open(self.log(), "wb") as log:
            self.process = subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        return self

    def log(self) -> Path:
        return self.folder / f"run-{self.starts}.log"

    def text(self) -> str:
        return self.log().read_text(errors="replace")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.text().splitlines()[-lines:])

    def peak_mib(self) -> int:
        """The most memory that the running process has had at once."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def must_run(self) -> None:
        if not self.running():
            code = self.process.returncode if self.process else None
            raise AssertionError(f"tiderelay ended by itself, exit code {code}:\n{self.tail()}")

    def until_ready(self) -> None:
        """Its first line is out: from then on it takes signals in order."""
        until("first output", lambda: (bool(self.text()), self.must_run()), 60)

    def kill(self) -> None:
        """kill -9 of a process that must still be running."""
        self.must_run()
        self.end()

    def end(self) -> None:
        if self.process and self.running():
            self.process.kill()
            self.process.wait()

    def stop(self, seconds: float = 60) -> None:
        """SIGTERM: ends in order, exit code 0."""
        self.until_ready()
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(seconds)
        if code != 0:
            raise AssertionError(f"exit code {code} after SIGTERM:\n{self.tail()}")

    def wait(self, seconds: float = 120) -> int:
        assert self.process
        process = self.process
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"tiderelay does not end within {seconds:g} s:\n{self.tail()}") from None

    def sync(self, seconds: float = 240) -> None:
        """Runs until all that the sources have now is in the target; exit code 0."""
        if self.running():
            self.stop()
        code = self.start("--until-synced").wait(seconds)
        if code != 0:
            raise AssertionError(f"run --until-synced: exit code {code}\n{self.tail()}")

    def wait_text(self, words: str, seconds: float = 60) -> str:
        """Until the output holds `words`; the process may have ended by then."""
        until(f"output with {words!r}", lambda: (words in self.text(), self.tail(5)), seconds)
        return self.text()

    def kill_at_random(self, draw: random.Random, longest_seconds: float) -> float:
        """Starts, and kills -9 after a random time."""
        self.start()
        seconds = draw.uniform(0.02, longest_seconds)
        pause(seconds)
        self.kill()
        return seconds


def mover(folder: Path, sources: Mapping[str, Server], target: Server, schemas: Sequence[str], name: str = "mover",
          task: Mapping[str, Any] | None = None, source: Mapping[str, Any] | None = None) -> Mover:
    """A mover of whole schemas from sources into a target."""
    documents = {source_id: source_document(source_id, server, **(source or {}))
                 for source_id, server in sources.items()}
    return Mover(folder, documents, task_document(name, target, list(sources), schemas, task), name)


def phases(target: Server, task: str) -> dict[str, str]:
    """Phase of each source as the target's meta schema has it; empty before it exists."""
    there = target.query("select count(*) from information_schema.tables where table_schema = 'dm_meta'"
                         " and table_name = 'tiderelay_source'")
    if there[0][0] == 0:
        return {}
    return dict(target.query("select source, phase from dm_meta.tiderelay_source where task = %s", (task,)))


def relay_files(data: Path, source_id: str) -> list[Path]:
    """The relay log files of a source, oldest first."""
    folder = data / "sources" / source_id / "relay"
    return sorted(file for file in folder.glob("*/*") if file.suffix[1:].isdigit())


def upstream_files(server: Server) -> list[Path]:
    names = [row[0] for row in server.query("show binary logs")]
    return [server.home / "data" / name for name in names]


def claim(target: Server, schemas: Sequence[str]) -> Callable[[], None]:
    """Takes the schemas of a target for a scenario; the answer gives them back (drops them).

    A server that we did not start ($TIDB_ADDR) may hold somebody's data, dm_meta that of a running DM task: schemas
    that are there already are refused and never dropped.
    """
    wanted = [*schemas, "dm_meta"]
    if isinstance(target, servers.RunningTidb):
        there = {row[0].lower() for row in target.query("show databases")} & {name.lower() for name in wanted}
        if there:
            raise Missing(f"the TiDB at TIDB_ADDR already has {', '.join(sorted(there))}, which would be overwritten; "
                          "name an empty one, or drop these yourself")

    def give_back() -> None:
        if isinstance(target, servers.RunningTidb):  # any other server goes with its folder
            for schema in wanted:
                target.execute(f"drop database if exists `{schema}`")

    return give_back


__all__ = ["Mover", "mover", "phases", "relay_files", "upstream_files", "source_document", "task_document",
           "write_yaml", "claim", "BINARY", "servers"]
