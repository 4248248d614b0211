"""tiderelay as a relay server: a sidecar beside a source, and real replicas and tools that follow it."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Mapping, Sequence

import harness
import packages
import pymysql
import servers
from servers import Server
from waiting import until

USER = "follower"
PASSWORD = "follower-secret"
LISTENING = "relay server: listening at"


class Sidecar:
    """`tiderelay serve` with a relay server and no task; `sources` are source documents."""

    def __init__(self, folder: Path, sources: Sequence[Mapping[str, Any]], name: str = "sidecar",
                 **more: Any) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.data, self.starts = self.folder / "data", 0
        self.prefix: list[str] = []  # words before the command: a network namespace
        self.port, self.api_port = servers.free_port(), servers.free_port()
        self.host, self.kind = servers.HOST, "relay"
        config: dict[str, Any] = {
            "data-dir": str(self.data),
            "api": {"listen": f"127.0.0.1:{self.api_port}"},
            "sources": list(sources),
            "relay-server": {"listen": f"127.0.0.1:{self.port}",
                             "users": [{"name": USER, "password": PASSWORD}]},
        }
        for key, value in more.items():
            config[key.replace("_", "-")] = value
        self.config = harness.write_yaml(self.folder / "tiderelay.yaml", config)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sidecar":
        self.starts += 1
        with open(self.log(), "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        until("the relay server listens", lambda: (self.listens(), self.tail()), 60)
        return self

    def command(self) -> list[str]:
        return [*self.prefix, str(harness.BINARY), "serve", "--config", str(self.config)]

    def listens(self) -> bool:
        assert self.process and self.process.poll() is None, self.tail()
        return LISTENING in self.log().read_text(errors="replace")

    def log(self) -> Path:
        return self.folder / f"serve-{self.starts}.log"

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log().read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        assert self.process and self.process.poll() is None, self.tail()
        self.end()

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        assert self.process and self.process.poll() is None, self.tail()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.tail()}"

    def connect(self, user: str = USER, password: str = PASSWORD, **more: Any) -> "pymysql.connections.Connection[Any]":
        return pymysql.connect(host=self.host, port=self.port, user=user, password=password, connect_timeout=20,
                               read_timeout=60, **more)

    def query(self, sql: str, user: str = USER, **more: Any) -> list[Any]:
        with self.connect(user, **more) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def api(self, path: str) -> Any:
        """What the HTTP API answers: JSON, or a text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}", timeout=60) as answer:
            text = answer.read().decode()
            return json.loads(text) if answer.headers["Content-Type"].startswith("application/json") else text

    def relay(self, source_id: str = "s1") -> dict[str, Any]:
        """What /relay says of one relay log."""
        return next(dict(log) for log in self.api("/relay")["data"] if log["source_name"] == source_id)

    def ask(self, *words: str) -> dict[str, Any]:
        """The answer to a command of ctl."""
        done = subprocess.run([str(harness.BINARY), "ctl", "--addr", f"127.0.0.1:{self.api_port}", *words],
                              capture_output=True, text=True, timeout=300, cwd=self.folder)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"err": done.stderr}
        return answer

    def reached(self, user: str = USER) -> tuple[bool, Any]:
        """Whether the relay has something of its source."""
        try:
            status = self.query("show master status", user)
        except pymysql.Error as refused:
            return False, f"{refused}\n{self.tail(5)}"
        return bool(status), status


def source_document(source: Server, source_id: str = "s1", **changes: Any) -> dict[str, Any]:
    """A source file whose relay log begins with the source's oldest file."""
    first = source.query("show binary logs")[0][0]
    return harness.source_document(source_id, source, relay_binlog_name=first, **changes)


def caught_up(source: Server, sidecar: Sidecar, user: str = USER) -> tuple[bool, Any]:
    """Whether the relay log ends where the source's own does."""
    statement = "show binary log status" if source.kind == "mysql97" else "show master status"
    there = source.query(statement)[0][:2]
    try:
        here = sidecar.query("show master status", user)
    except pymysql.Error as refused:
        return False, f"{refused}\n{sidecar.tail(5)}"
    place = (here[0][0], int(here[0][1])) if here else None
    return place == tuple(there), (place, there)


class Replica:
    """Replication commands of one server, in the words of its version."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.new_words = server.kind in ("mysql80", "mysql97")

    def change(self, host: str, port: int, user: str, password: str, *, gtid: bool, file: str = "",
               position: int = 4) -> None:
        if self.new_words:
            words = [f"source_host='{host}'", f"source_port={port}", f"source_user='{user}'",
                     f"source_password='{password}'", "source_connect_retry=1", "source_retry_count=100000",
                     "source_heartbeat_period=2", "get_source_public_key=1"]
            words.append("source_auto_position=1" if gtid else "source_auto_position=0")
            if not gtid and file:
                words += [f"source_log_file='{file}'", f"source_log_pos={position}"]
            self.server.execute("change replication source to " + ", ".join(words))
            return
        words = [f"master_host='{host}'", f"master_port={port}", f"master_user='{user}'",
                 f"master_password='{password}'", "master_connect_retry=1", "master_heartbeat_period=2"]
        if self.server.kind == "mariadb":
            words.append("master_use_gtid=" + ("slave_pos" if gtid else "no"))
        else:
            words += ["master_retry_count=100000", f"master_auto_position={int(gtid)}"]
        if not gtid and file:
            words += [f"master_log_file='{file}'", f"master_log_pos={position}"]
        self.server.execute("change master to " + ", ".join(words))

    def follow(self, sidecar: Sidecar, user: str = USER, password: str = PASSWORD, **how: Any) -> None:
        self.change(sidecar.host, sidecar.port, user, password, **how)

    def follow_source(self, source: Server, **how: Any) -> None:
        self.change(source.host, source.port, "repl", servers.REPL_PASSWORD, **how)

    def start(self) -> None:
        self.server.execute("start replica" if self.new_words else "start slave")

    def stop(self) -> None:
        self.server.execute("stop replica" if self.new_words else "stop slave")

    def status(self) -> dict[str, Any]:
        with self.server.connect(cursorclass=pymysql.cursors.DictCursor) as connection, connection.cursor() as cursor:
            cursor.execute("show replica status" if self.new_words else "show slave status")
            rows = cursor.fetchall()
        return dict(rows[0]) if rows else {}

    def runs(self) -> tuple[bool, Any]:
        status = self.status()
        running = [status.get("Replica_IO_Running" if self.new_words else "Slave_IO_Running"),
                   status.get("Replica_SQL_Running" if self.new_words else "Slave_SQL_Running")]
        problems = [status.get("Last_IO_Error"), status.get("Last_SQL_Error")]
        return running == ["Yes", "Yes"], (running, problems)

    def io_error(self) -> str:
        return str(self.status().get("Last_IO_Error", ""))


def binlog_tool(kind: str) -> packages.Program:
    return packages.tool("mariadb-binlog") if kind == "mariadb" else packages.mysql_client("mysqlbinlog")


def run_binlog_tool(kind: str, sidecar: Sidecar, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """mysqlbinlog or mariadb-binlog reading from the relay, in `folder`."""
    program = binlog_tool(kind)
    remote = [] if any(word.startswith("--read-from-remote") for word in words) else ["-R"]
    command = program.command("--no-defaults", *remote, f"--host={sidecar.host}", f"--port={sidecar.port}",
                              f"--user={USER}", f"--password={PASSWORD}", *words)
    return subprocess.run(command, env=program.env(), cwd=folder, text=True, capture_output=True, timeout=120)
