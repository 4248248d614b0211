"""tiderelay serve and ctl: the tutorial's steps as commands, over kill -9 of the daemon."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from pathlib import Path
from typing import Any, Mapping

import compare
import harness
from daemon import Daemon
from scenario import MoverScenario, only_long
from servers import Server
from waiting import pause

ROWS = 500


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

    def test_beginning_anew_holds_over_kill_9(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        sources = [self.source(0)]
        *source_files, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, sources, target)
        self.must(daemon, "stop-task", "test")
        target.execute("truncate test_db.test_table")  # the old checkpoint says that its rows are there
        self.must(daemon, "start-task", "--remove-meta", task)
        daemon.kill()
        daemon.start()
        self.wait_synced(daemon, sources, target)

    def test_a_second_signal_ends_the_process_at_once(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        sources = [self.source(0)]
        *source_files, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, sources, target)
        target.pause()
        self.addCleanup(target.resume)
        self.fill(sources[0], 0, ROWS)
        assert daemon.process
        daemon.process.send_signal(signal.SIGTERM)
        self.until("it says that it stops", lambda: ("a second signal stops at once" in daemon.tail(), daemon.tail()))
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(5), -signal.SIGTERM)
        target.resume()
        daemon.start()
        self.wait_synced(daemon, sources, target)

    def test_one_process_a_folder(self) -> None:
        daemon = self.daemon()
        done = subprocess.run([str(harness.BINARY), "serve", "--data-dir", str(daemon.data), "--listen", "127.0.0.1:0"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("in use by another tiderelay", done.stderr)
        self.assertEqual(daemon.ask("query-status")[0], 0, "the first one does not mind")

    def test_files_that_are_wrong_name_their_line(self) -> None:
        daemon = self.daemon()
        good = "source-id: s1\nfrom: {host: 127.0.0.1, port: 1, user: root, password: hidden}\n"
        for name, text, words in [
            ("unknown", good + "enable-gtdi: true\n", ["unknown.yaml:3", "enable-gtid"]),
            ("twice", good + "source-id: s2\n", ["twice.yaml:3", "source-id"]),
            ("tab", "source-id: s1\nfrom:\n\thost: x\n", ["tab.yaml:3"]),
            ("anchor", "source-id: &a s1\nflavor: *a\n" + good[14:], ["anchor.yaml"]),
            ("type", good.replace("port: 1", "port: x"), ["type.yaml:2", "from.port"]),
            ("empty", "", ["empty.yaml"]), ("list", "- a\n", ["list.yaml"]), ("bytes", "\udcff", ["bytes.yaml"]),
        ]:
            with self.subTest(name):
                path = self.folder / f"{name}.yaml"
                path.write_bytes(text.encode(errors="surrogateescape"))
                code, answer = daemon.ask("operate-source", "create", str(path))
                self.assertNotEqual(code, 0)
                for word in words:
                    self.assertIn(word, json.dumps(answer))
                self.assertNotIn("hidden", json.dumps(answer))
        for name, text in [("crlf", good.replace("\n", "\r\n")), ("bom", "\ufeff" + good)]:
            with self.subTest(name):
                path = self.folder / f"{name}.yaml"
                path.write_bytes(text.encode())
                _, answer = daemon.ask("operate-source", "create", str(path))
                self.assertIn("127.0.0.1:1", json.dumps(answer), "it was read; nobody listens there")

    @only_long
    def test_kill_9_of_the_daemon_at_any_moment(self) -> None:
        target = self.target_server("tidb", ["test_db"])
        sources = [self.source(number) for number in (0, 1)]
        *source_files, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        draw = random.Random(7)
        for at in range(1, 12):
            for number, server in enumerate(sources):
                self.fill(server, number, at * ROWS)
            pause(draw.uniform(0, 2))
            daemon.kill()
            daemon.start()
        self.wait_synced(daemon, sources, target)

    def test_a_mariadb_source(self) -> None:
        target = self.target_server("tidb", ["test_db"])
        source = self.server("mariadb", durable=True)
        source.execute("create database test_db",
                       "create table test_db.test_table (id int primary key, name varchar(30))")
        self.fill(source, 0, 0)
        *source_files, task = map(str, self.files([source], target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, [source], target)
        self.fill(source, 0, ROWS)
        self.wait_synced(daemon, [source], target)

    def test_a_full_task_finishes(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        sources = [self.source(0)]
        source_file, task = self.files(sources, target)
        document = json.loads(task.read_text())
        harness.write_yaml(task, {**document, "task-mode": "full"})
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", str(source_file))
        self.must(daemon, "start-task", str(task))
        self.until("the task has finished", lambda: self.status(daemon, "Finished"), 120)
        self.assertEqual(compare.table_difference(sources, target, "test_db", "test_table"), "")
        self.fill(sources[0], 0, ROWS)
        self.assertEqual(self.status(daemon, "Finished"), (True, daemon.ask("query-status")[1]["tasks"]))

    def test_commands_that_have_no_meaning_here_say_why(self) -> None:
        daemon = self.daemon()
        for words, code in ((["transfer-source", "s1", "w"], 0), (["start-relay", "-s", "s1"], 0),
                            (["validation", "status", "test"], 1), (["decrypt", "x"], 1)):
            got, answer = daemon.ask(*words)
            self.assertEqual((got, bool(answer["msg"])), (code, True), f"{words}: {answer}")
        self.assertEqual(self.must(daemon, "shard-ddl-lock")["locks"], [])
        self.assertEqual([list(member) for member in self.must(daemon, "list-member")["members"]],
                         [["leader"], ["master"], ["worker"]])

    def test_relay_logs_are_paused_purged_and_all_is_carried_over(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        sources = [self.source(0)]
        source_file, task = map(str, self.files(sources, target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", source_file)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, sources, target)
        self.must(daemon, "pause-relay", "-s", "mysql-replica-01")
        self.until("the relay log is paused", lambda: (
            "Relay status is Paused" in json.dumps(answer := daemon.ask("query-status")[1]), answer))
        sources[0].execute("flush logs", "flush logs")
        self.fill(sources[0], 0, ROWS)
        self.must(daemon, "resume-relay", "-s", "mysql-replica-01")
        self.wait_synced(daemon, sources, target)
        last = sources[0].query("show binary logs")[-1][0]
        self.must(daemon, "purge-relay", "-s", "mysql-replica-01", "-f", last)
        self.until("only the last file is left", lambda: (
            self.must(daemon, "purge-relay", "-s", "mysql-replica-01", "-f", last) is not None
            and len(files := harness.relay_files(daemon.data, "mysql-replica-01")) == 1, files))
        self.assertIn("no file", self.refused(daemon, "purge-relay", "-s", "mysql-replica-01", "-f", "binlog.999999"))
        self.must(daemon, "config", "export", "--path", str(self.folder / "all"))
        self.must(daemon, "stop-task", "te*")
        self.must(daemon, "operate-source", "stop", "mysql-replica-01")
        done = subprocess.run([*daemon.words(), "config", "import", "--path", str(self.folder / "all")],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.fill(sources[0], 0, 2 * ROWS)
        self.wait_synced(daemon, sources, target)
