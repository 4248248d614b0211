"""tiderelay serve and ctl: the tutorial's steps as commands, over kill -9 of the daemon."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any, Mapping

import compare
import harness
import servers
from scenario import MoverScenario
from servers import Server
from waiting import until

ROWS = 500


class Daemon:
    """`tiderelay serve` on a port of its own, and `tiderelay ctl` asking it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port, self.starts = servers.free_port(), 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.starts += 1
        words = [str(harness.BINARY), "serve", "--data-dir", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        with open(self.folder / f"serve-{self.starts}.log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        until("the daemon answers", lambda: (self.ask("query-status")[0] == 0, self.tail()), 60)

    def tail(self) -> str:
        return "\n".join((self.folder / f"serve-{self.starts}.log").read_text(errors="replace").splitlines()[-20:])

    def ask(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of one command; an answer is always JSON, none is {}."""
        done = subprocess.run([str(harness.BINARY), "ctl", "--master-addr", f"127.0.0.1:{self.port}", *words],
                              capture_output=True, text=True, timeout=300, cwd=self.folder)
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


class DaemonScenario(MoverScenario):
    def source(self, number: int) -> Server:
        server = self.server("mysql57", durable=True)
        server.execute("create database test_db",
                       "create table test_db.test_table (id int primary key, name varchar(30))")
        self.fill(server, number, 0)
        return server

    @staticmethod
    def fill(server: Server, number: int, begin: int) -> None:
        with server.connect("test_db") as connection, connection.cursor() as cursor:
            cursor.executemany("insert into test_table values (%s, %s)",
                               [(at * 2 + number, f"row {at}") for at in range(begin, begin + ROWS)])

    def daemon(self) -> Daemon:
        daemon = Daemon(self.folder)
        self.addCleanup(daemon.end)
        daemon.start()
        return daemon

    def files(self, sources: list[Server], target: Server) -> list[Path]:
        """The source files, then the task file."""
        documents: Mapping[str, Any] = {f"mysql-replica-0{at}": harness.source_document(f"mysql-replica-0{at}", server)
                                        for at, server in enumerate(sources, 1)}
        files = [harness.write_yaml(self.folder / f"{name}.yaml", document) for name, document in documents.items()]
        task = harness.task_document("test", target, list(documents), ["test_db"],
                                     {"ignore-checking-items": ["dump_privilege", "replication_privilege"]})
        return [*files, harness.write_yaml(self.folder / "task.yaml", task)]

    def must(self, daemon: Daemon, *words: str) -> dict[str, Any]:
        code, answer = daemon.ask(*words)
        self.assertEqual((code, answer.get("result")), (0, True), f"{words}: {answer}\n{daemon.tail()}")
        return answer

    def refused(self, daemon: Daemon, *words: str) -> str:
        code, answer = daemon.ask(*words)
        self.assertEqual((code, answer.get("result")), (1, False), f"{words}: {answer}")
        return json.dumps(answer)

    def wait_synced(self, daemon: Daemon, sources: list[Server], target: Server) -> None:
        def look() -> tuple[bool, Any]:
            answer = daemon.ask("query-status", "test")[1]
            tasks = [task for source in answer.get("sources", []) for task in source["subTaskStatus"]]
            synced = [task["unit"] == "Sync" and task["sync"]["synced"] for task in tasks]
            done = len(synced) == len(sources) and all(synced)
            return done and compare.table_difference(sources, target, "test_db", "test_table") == "", answer
        self.until("both sources are in sync", look, 240)


class Commands(DaemonScenario):
    def test_the_tutorial_with_commands(self) -> None:
        target = self.target_server("tidb", ["test_db"])
        sources = [self.source(number) for number in (0, 1)]
        *source_files, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.assertIn("mysql-replica-01 is not here", self.refused(daemon, "start-task", task))
        self.must(daemon, "operate-source", "create", *source_files)
        self.assertIn("here already", self.refused(daemon, "operate-source", "create", source_files[0]))
        checks = self.must(daemon, "check-task", task)["checkResult"]
        self.assertIn("skipped by configuration", [row["instruction"] for row in checks["results"]])
        started = self.must(daemon, "start-task", task)
        self.assertEqual([row["source"] for row in started["sources"]], ["mysql-replica-01", "mysql-replica-02"])
        self.assertIn("exists already", self.refused(daemon, "start-task", task))
        self.assertIn("in use by task test", self.refused(daemon, "operate-source", "stop", "mysql-replica-01"))
        self.wait_synced(daemon, sources, target)

        self.must(daemon, "pause-task", "test")
        self.until("the task is paused", lambda: self.status(daemon, "Paused"))
        for number, server in enumerate(sources):
            self.fill(server, number, ROWS)
        daemon.kill()
        daemon.start()
        self.until("a paused task stays paused over kill -9", lambda: self.status(daemon, "Paused"))
        self.must(daemon, "resume-task", "test")
        self.wait_synced(daemon, sources, target)

        daemon.kill()
        for number, server in enumerate(sources):
            self.fill(server, number, 2 * ROWS)
        daemon.start()
        self.wait_synced(daemon, sources, target)
        self.assertEqual(self.must(daemon, "stop-task", "test")["op"], "Delete")
        self.assertEqual(self.must(daemon, "query-status")["tasks"], [])
        self.must(daemon, "operate-source", "stop", "mysql-replica-01")
        self.assertEqual(daemon.stop(), 0, daemon.tail())

    def status(self, daemon: Daemon, wanted: str) -> tuple[bool, Any]:
        tasks = daemon.ask("query-status")[1].get("tasks", [])
        return [task["taskStatus"] for task in tasks] == [wanted], tasks

    def test_a_task_begins_anew_without_its_checkpoint(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        sources = [self.source(0)]
        *source_files, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, sources, target)
        self.must(daemon, "stop-task", "test")
        target.execute("drop database test_db")
        self.must(daemon, "start-task", "--remove-meta", task)
        self.wait_synced(daemon, sources, target)

    def test_checks_refuse_what_would_lose_rows(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        source.execute("create table test_db.child (id int primary key, up int, constraint goes foreign key (up)"
                       " references test_db.test_table (id) on delete cascade)",
                       "set global binlog_row_image = MINIMAL")
        *source_files, task = map(str, self.files([source], target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        answer = self.refused(daemon, "start-task", task)
        for words in ("goes ON DELETE CASCADE", "assume-no-cascade", "binlog_row_image is MINIMAL"):
            self.assertIn(words, answer)
        self.assertEqual(self.must(daemon, "query-status")["tasks"], [])
