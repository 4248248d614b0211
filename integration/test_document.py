"""docs/tutorial.md runs as it stands: its files, its commands, with the addresses of real servers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, Iterator

import compare
import harness
import servers
from scenario import MoverScenario
from servers import Server
from test_tutorial import CIPHER_OF_123456, ROWS_BEFORE

PAGE = harness.TOP / "docs/tutorial.md"
PART = re.compile(r"`(?P<name>[\w.-]+\.yaml)`:\n\n```yaml\n(?P<yaml>.*?)```|```sh\n(?P<sh>.*?)```"
                  r"|<!-- until (?P<until>.*?) -->", re.S)


class Document(MoverScenario):
    def source(self, number: int) -> Server:
        server = self.server("mysql57", durable=True)
        server.execute("create database test_db",
                       "create table test_db.test_table (id int primary key, name varchar(30))")
        with server.connect("test_db") as connection, connection.cursor() as cursor:
            cursor.executemany("insert into test_table values (%s, %s)",
                               [(at * 2 + number, f"row {at}") for at in range(ROWS_BEFORE)])
        server.execute("set password for root@'127.0.0.1' = password('123456')")
        return server

    def parts(self, ports: dict[str, int]) -> Iterator[tuple[str, str, str]]:
        """(kind, name, text) in the page's order, with the ports of this run."""
        text = PAGE.read_text()
        for wanted, port in ports.items():
            text = text.replace(f"port: {wanted}", f"port: {port}")
        for found in PART.finditer(text):
            if found["name"]:
                yield "file", found["name"], found["yaml"]
            elif found["sh"]:
                yield "sh", "", found["sh"]
            else:
                yield "until", "", found["until"]

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=self.folder, timeout=300,
                              env=self.environment)

    def serve(self, line: str) -> None:
        with open(self.folder / "serve.log", "ab") as log:
            self.daemon = subprocess.Popen(line.split(), stdout=log, stderr=log, cwd=self.folder, env=self.environment)
        self.addCleanup(self.daemon.kill)
        self.until("the daemon answers", lambda: ((done := self.shell("tiderelay ctl query-status")).returncode == 0,
                                                  done.stderr + (self.folder / "serve.log").read_text()))

    def run_line(self, line: str) -> None:
        if line.startswith("tiderelay serve"):
            self.serve(line)
        elif line.startswith("pkill -9"):  # the same for this process alone: others may run here, too
            self.assertIn(" ".join(self.daemon.args[1:]), line)
            os.kill(self.daemon.pid, signal.SIGKILL)
            self.daemon.wait()
        else:
            done = self.shell(line)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
        self.last = line

    def test_the_chinese_page_has_the_same_files_and_commands(self) -> None:
        chinese = PAGE.with_suffix(".zh.md").read_text()
        self.assertEqual([found.group() for found in PART.finditer(chinese)],
                         [found.group() for found in PART.finditer(PAGE.read_text())])

    def test_the_tutorial_runs_as_it_stands(self) -> None:
        target = self.target_server("tidb", ["test_db"])
        sources = [self.source(number) for number in (0, 1)]
        port = servers.free_port()
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "tiderelay").write_text(
            "#!/bin/sh\nname=$1; shift\ncase $name in\n"
            f"serve) exec {harness.BINARY} serve --listen 127.0.0.1:{port} \"$@\";;\n"
            f"ctl) exec {harness.BINARY} ctl --addr 127.0.0.1:{port} \"$@\";;\n"
            f"*) exec {harness.BINARY} $name \"$@\";;\nesac\n")
        (tools / "tiderelay").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        self.assertIn(CIPHER_OF_123456, PAGE.read_text())
        ports = {"3306": sources[0].port, "3307": sources[1].port, "4000": target.port}
        for kind, name, text in self.parts(ports):
            if kind == "file":
                (self.folder / name).write_text(text)
            elif kind == "sh":
                for line in text.splitlines():
                    self.run_line(line)
            else:
                self.wait_for(text, sources, target)
        self.assertFalse(self.shell("tiderelay ctl operate-source show").stdout.count("mysql-replica"))
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(60), 0, Path(self.folder / "serve.log").read_text())

    def wait_for(self, text: str, sources: list[Server], target: Server) -> None:
        """Repeats the last command until its output says so for both sources and no row differs; then writes more."""
        def look() -> tuple[bool, Any]:
            shown = self.shell(self.last).stdout
            done = shown.count(text) == 2
            return done and compare.table_difference(sources, target, "test_db", "test_table") == "", shown
        self.until(f"{self.last}: {text}", look, 240)
        for number, source in enumerate(sources):
            source.execute(f"insert into test_db.test_table select max(id) + 2, 'later {number}' from"
                           " test_db.test_table")
