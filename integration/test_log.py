"""The daemon's log: form of its lines, rotation both ways, repeated lines, and no password anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import harness
import servers
from daemon import Daemon
from test_daemon import DaemonScenario

SECRET = "no-one-may-read-this"


class Log(DaemonScenario):
    def logging(self, **config: Any) -> tuple[Daemon, Path]:
        """A daemon that logs into a file."""
        log = self.folder / "tiderelay.log"
        daemon = Daemon(self.folder)
        self.addCleanup(daemon.end)
        document = {"api": {"listen": f"127.0.0.1:{daemon.port}"}, "log-file": str(log), **config}
        daemon.launch("--config", str(harness.write_yaml(self.folder / "tiderelay.yaml", document)))
        self.until("it answers", lambda: (daemon.ask("query-status")[0] == 0, daemon.tail()))
        return daemon, log

    def test_lines_are_json_and_the_file_can_be_rotated(self) -> None:
        daemon, log = self.logging(**{"log-format": "json"})
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertTrue(all(list(line) == ["time", "level", "message"] for line in lines), lines)
        self.assertIn("listening", lines[-1]["message"])
        self.assertRegex(lines[-1]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        # As logrotate's copytruncate does it.
        os.truncate(log, 0)
        assert daemon.process
        # As logrotate's create and postrotate do it.
        log.rename(self.folder / "tiderelay.log.1")
        daemon.process.send_signal(signal.SIGHUP)
        self.until("a new file is there", lambda: (log.exists(), os.listdir(self.folder)))
        self.assertEqual(daemon.ask("query-status")[0], 0, "SIGHUP does not end it")
        self.assertEqual(daemon.stop(), 0)
        last = [json.loads(line)["message"] for line in log.read_text().splitlines()]
        self.assertEqual(last[-1], "stopped")
        self.assertNotIn("stopped", (self.folder / "tiderelay.log.1").read_text())

    def test_no_password_is_logged_shown_or_in_the_process_list(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        for server in (source, target):
            server.execute(f"create user 'mover'@'%' identified by '{SECRET}'", "grant all on *.* to 'mover'@'%'")
        source_file, task = self.files([source], target)
        for file, key in ((source_file, "from"), (task, "target-database")):
            document = json.loads(file.read_text())
            document[key].update(user="mover", password=SECRET)
            harness.write_yaml(file, document)
        daemon, log = self.logging(**{"log-level": "trace"})
        said = []

        def ask(*words: str) -> None:
            done = subprocess.run([*daemon.words(), *words], capture_output=True, text=True, timeout=120,
                                  cwd=self.folder)
            said.append(done.stdout + done.stderr)

        ask("operate-source", "create", str(source_file))
        ask("check-task", str(task))
        ask("start-task", str(task))
        self.wait_synced(daemon, [source], target)
        for words in (("query-status", "--more"), ("config", "task", "test"), ("config", "source", "mysql-replica-01"),
                      ("operate-source", "show"), ("binlog", "list", "test"), ("query-error",), ("pause-task", "test"),
                      ("binlog-schema", "list", "test"), ("update-task", str(task)), ("resume-task", "test"),
                      ("start-task", str(task)), ("operate-source", "update", str(source_file)), ("list-member",)):
            ask(*words)
        assert daemon.process
        said.append(Path(f"/proc/{daemon.process.pid}/cmdline").read_text())
        for server in (source, target):  # it must say that it is refused from here on
            server.execute("alter user 'mover'@'%' identified by 'another'")
        daemon.kill()
        daemon.launch("--config", str(self.folder / "tiderelay.yaml"))
        self.until("the refusal is shown", lambda: (
            "Access denied" in (text := json.dumps(daemon.ask("query-status", "test")[1])), text))
        ask("query-status", "test")
        self.refused(daemon, "operate-source", "create", str(self.wrong_file(source_file)))
        everything = "\n".join([*said, log.read_text(), daemon.tail()])
        self.assertIn("Access denied", everything)
        self.assertNotIn(SECRET, everything)

    def wrong_file(self, source_file: Path) -> Path:
        """The password where a key should be, and a type that is wrong."""
        file = self.folder / "wrong.yaml"
        file.write_text(source_file.read_text().replace('"password"', f'"password": "{SECRET}", "passwrod"'))
        return file
