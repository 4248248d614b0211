"""update-task and resync-table: a running task goes on with other tables, or copies some again."""

from __future__ import annotations

import json
from typing import Any

import harness
from daemon import Daemon
from scenario import MoverScenario, only_long

SCHEMA = "shop"


class Changes(MoverScenario):
    def setUp(self) -> None:
        super().setUp()
        self.target = self.target_server("tidb", [SCHEMA])
        self.source = self.server("mysql57", gtid=True)
        self.source.execute(f"create database {SCHEMA}")
        for name in ("a", "b"):
            self.source.execute(f"create table {SCHEMA}.{name} (id int primary key, v int)",
                                f"insert into {SCHEMA}.{name} values (1, 1), (2, 2)")
        self.daemon = Daemon(self.folder)
        self.addCleanup(self.daemon.end)
        self.daemon.start()
        source = harness.write_yaml(self.folder / "s1.yaml", harness.source_document("s1", self.source))
        self.must("operate-source", "create", str(source))

    def must(self, *words: str) -> dict[str, Any]:
        code, answer = self.daemon.ask(*words)
        self.assertEqual((code, answer.get("result")), (0, True), f"{words}: {answer}\n{self.daemon.tail()}")
        return answer

    def refused(self, *words: str) -> str:
        code, answer = self.daemon.ask(*words)
        self.assertNotEqual(code, 0, f"{words}: {answer}")
        return json.dumps(answer)

    def task(self, *tables: str, **changes: Any) -> str:
        listed = {"all": {"do-tables": [{"db-name": SCHEMA, "tbl-name": name} for name in tables]}}
        document = harness.task_document("test", self.target, ["s1"], [SCHEMA],
                                         {"block-allow-list": listed, **changes})
        return str(harness.write_yaml(self.folder / "task.yaml", document))

    def until_equal(self, *tables: str) -> None:
        def look() -> tuple[bool, Any]:
            try:
                rows = [(server.query(f"select * from {SCHEMA}.{name} order by id"))
                        for name in tables for server in (self.source, self.target)]
            except Exception as error:  # not there yet
                return False, (error, self.daemon.ask("query-status", "test")[1])
            return rows[::2] == rows[1::2], (rows, self.daemon.ask("query-status", "test")[1])
        self.until(f"{tables} are equal", look, 60)

    def write(self, at: int) -> None:
        for name in ("a", "b"):
            self.source.execute(f"insert into {SCHEMA}.{name} values ({at}, {at})",
                                f"update {SCHEMA}.{name} set v = v + 1 where id = 1")

    def test_tables_come_and_go_and_are_copied_again_in_a_running_task(self) -> None:
        self.must("start-task", self.task("a"))
        self.until_equal("a")
        self.write(3)
        self.must("update-task", self.task("a", "b"))
        self.write(4)
        self.until_equal("a", "b")
        self.target.execute(f"delete from {SCHEMA}.a where id = 2", f"update {SCHEMA}.a set v = 77 where id = 3",
                            f"insert into {SCHEMA}.a values (99, 99)")
        self.must("resync-table", "test", f"{SCHEMA}.a")
        self.daemon.kill()
        self.daemon.start()
        self.write(5)
        self.until_equal("a", "b")
        self.daemon.kill()
        self.daemon.start()
        self.write(6)
        self.until_equal("a", "b")
        self.must("update-task", self.task("b"))
        self.write(7)
        self.until_equal("b")
        self.assertEqual(self.target.query(f"select count(*) from {SCHEMA}.a where id = 7"), [(0,)])
        self.assertIn("does not take", self.refused("resync-table", "test", f"{SCHEMA}.a"))
        self.assertIn("is no table", self.refused("resync-table", "test", "b"))
        self.assertIn("task-mode of a task stay", self.refused("update-task", self.task("b", **{"task-mode": "full"})))
        self.assertIn("does not exist", self.refused("update-task", self.task("b", name="other")))

    def test_rows_that_the_source_numbers_are_copied_again_when_told(self) -> None:
        self.source.execute(f"create table {SCHEMA}.n (v int)",
                            *(f"insert into {SCHEMA}.n values ({v})" for v in (3, 1, 2, 1)))
        self.must("start-task", self.task("a", "n"))
        self.until("the log phase", lambda: (harness.phases(self.target, "test").get("s1") == "sync", None), 60)
        self.source.execute(f"delete from {SCHEMA}.n where v = 3", f"insert into {SCHEMA}.n values (0)",
                            f"alter table {SCHEMA}.n add id int not null auto_increment primary key first",
                            f"insert into {SCHEMA}.n (v) values (9)", f"update {SCHEMA}.a set v = 8 where id = 2")
        self.until("it says what to do", lambda: (
            "resync-table TASK" in json.dumps(self.daemon.ask("query-status", "test")[1]), self.daemon.tail()), 60)
        self.must("resync-table", "test", f"{SCHEMA}.n")
        self.until_equal("a", "n")

    @only_long
    def test_a_source_with_a_broken_relay_log_is_shown_and_the_others_go_on(self) -> None:
        other = self.server("mysql57", name="second", gtid=True)
        self.must("operate-source", "create",
                  str(harness.write_yaml(self.folder / "s2.yaml", harness.source_document("s2", other))))
        self.must("start-task", self.task("a", "b"))
        self.until_equal("a", "b")
        self.until("the second has a file", lambda: (bool(harness.relay_files(self.daemon.data, "s2")), None), 60)
        self.daemon.kill()
        file = harness.relay_files(self.daemon.data, "s2")[-1]
        content = bytearray(file.read_bytes())
        content[4:60] = b"\xff" * 56
        file.write_bytes(bytes(content))
        self.daemon.start()
        self.write(3)
        self.until_equal("a", "b")
        shown = self.daemon.ask("query-status", "-s", "s2")[1]
        self.assertIn("s2", json.dumps(shown))
        self.assertIn("Paused", json.dumps(shown["sources"][0]["sourceStatus"]["relayStatus"]))
        self.assertIn(file.name, json.dumps(shown))
        self.refused("purge-relay", "-s", "s2", "-f", file.name)
        self.must("operate-source", "stop", "s2")
