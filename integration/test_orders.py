"""`ctl binlog` and handle-error: orders for the statement that a task stands at, or will meet."""

from __future__ import annotations

import json
from typing import Any

import harness
from daemon import Daemon
from scenario import MoverScenario, only_long
from servers import Server

SCHEMA = "shop"


class Ordering(MoverScenario):
    """The target has a row that the source has not, so a unique key cannot be made there."""

    kind = "mysql57"

    def setUp(self) -> None:
        super().setUp()
        self.target = self.target_server("tidb", [SCHEMA])
        self.source = self.server(self.kind, gtid=True)
        self.source.execute(f"create database {SCHEMA}", f"create table {SCHEMA}.t (id int primary key, v int)",
                            f"insert into {SCHEMA}.t values (1, 1), (2, 2)")
        source = harness.write_yaml(self.folder / "s1.yaml", harness.source_document("s1", self.source))
        task = harness.write_yaml(self.folder / "task.yaml",
                                  harness.task_document("test", self.target, ["s1"], [SCHEMA]))
        self.daemon = Daemon(self.folder)
        self.addCleanup(self.daemon.end)
        self.daemon.start()
        self.must("operate-source", "create", str(source))
        self.must("start-task", str(task))
        self.until_rows([(1, 1), (2, 2)])
        self.target.execute(f"insert into {SCHEMA}.t values (100, 2)")

    def must(self, *words: str) -> dict[str, Any]:
        code, answer = self.daemon.ask(*words)
        self.assertEqual((code, answer.get("result")), (0, True), f"{words}: {answer}\n{self.daemon.tail()}")
        return answer

    def refused(self, *words: str) -> str:
        code, answer = self.daemon.ask(*words)
        self.assertNotEqual(code, 0, f"{words}: {answer}")
        return json.dumps(answer)

    def until_rows(self, rows: list[tuple[int, int]]) -> None:
        def look() -> tuple[bool, Any]:
            try:
                there = self.target.query(f"select id, v from {SCHEMA}.t where id < 100 order by id")
            except Exception as error:  # not there yet
                return False, error
            return there == rows, (there, self.daemon.ask("query-status", "test")[1])
        self.until(f"the target has {rows}", look, 60)

    def until_paused(self, words: str) -> dict[str, Any]:
        def look() -> tuple[bool, Any]:
            answer = self.daemon.ask("query-status", "test")[1]
            share = answer["sources"][0]["subTaskStatus"][0]
            return share["stage"] == "Paused" and words in json.dumps(share), share
        return self.until(f"the task stands at {words}", look, 60)

    def keys(self) -> set[str]:
        return {row[2] for row in self.target.query(f"show index from {SCHEMA}.t")}

    def orders(self) -> list[dict[str, Any]]:
        text = self.must("binlog", "list", "test")["sources"][0]["msg"]
        return [json.loads(line) for line in text.splitlines()]

    def place(self) -> str:
        file, offset = self.source.query("show master status")[0][:2]
        return f"{file}:{offset}"


class Orders(Ordering):
    def test_a_statement_is_skipped_or_replaced_once_and_on_record(self) -> None:
        self.assertIn("does not stand at a statement", self.refused("binlog", "skip", "test"))
        self.source.execute(f"alter table {SCHEMA}.t add unique key u (v)", f"insert into {SCHEMA}.t values (3, 3)")
        self.until_paused("Duplicate entry")
        self.assertIn("add unique key u", json.dumps(self.must("query-error", "test")))
        self.must("binlog", "skip", "test")
        self.until_rows([(1, 1), (2, 2), (3, 3)])
        self.assertEqual(self.keys(), {"PRIMARY"})
        self.source.execute(f"alter table {SCHEMA}.t add unique key w (v)", f"insert into {SCHEMA}.t values (4, 4)")
        self.until_paused("Duplicate entry")
        self.assertIn("are missing", self.refused("binlog", "replace", "test"))
        self.assertIn("schema of table t", self.refused("binlog", "replace", "test", "alter table t add key w (v)"))
        self.assertIn("not a statement that changes", self.refused("binlog", "replace", "test", "delete from shop.t"))
        self.must("handle-error", "test", "replace",
                  f"alter table {SCHEMA}.t add key w (v); alter table {SCHEMA}.t add key w2 (v, id)")
        self.until_rows([(1, 1), (2, 2), (3, 3), (4, 4)])
        self.assertEqual(self.keys(), {"PRIMARY", "w", "w2"})
        orders = self.orders()
        self.assertEqual([(order["op"], order["done"]) for order in orders], [("skip", True), ("replace", True)])
        self.assertTrue(all("@" in order["operator"] and order["time"] for order in orders), orders)

    def test_a_table_that_differs_from_another_in_case_alone_is_refused(self) -> None:
        self.source.execute(f"create table {SCHEMA}.T (id int primary key, v int)",
                            f"insert into {SCHEMA}.T values (50, 50)")
        self.until_paused("differ in case alone")
        self.until_rows([(1, 1), (2, 2)])

    @only_long
    def test_orders_for_later_statements_hold_over_kill_and_can_be_taken_back(self) -> None:
        self.must("pause-task", "test")
        places = []
        for name in ("a", "b", "c"):
            places.append(self.place())
            self.source.execute(f"alter table {SCHEMA}.t add unique key {name} (v)")
        self.source.execute(f"insert into {SCHEMA}.t values (3, 3)")
        self.must("binlog", "skip", "test", "-b", places[0])
        self.must("binlog", "skip", "test", "-b", places[1].replace("binlog.", "binlog|000001."))
        self.must("binlog", "inject", "test", f"create table {SCHEMA}.made (id int primary key)", "-b", places[2])
        self.must("binlog", "revert", "test", "-b", places[1])
        self.assertIn("nothing that waits", self.refused("binlog", "revert", "test", "-b", places[1]))
        self.assertIn("is no position", self.refused("binlog", "skip", "test", "-b", "nowhere"))
        self.daemon.kill()
        self.daemon.start()
        self.must("resume-task", "test")
        self.until_paused("`b`")
        self.must("sql-skip", "test")
        self.until_paused("`c`")
        self.assertEqual(self.target.query(f"select count(*) from {SCHEMA}.made"), [(0,)])
        self.target.execute(f"delete from {SCHEMA}.t where id = 100")
        self.must("resume-task", "test")
        self.until_rows([(1, 1), (2, 2), (3, 3)])
        self.assertEqual(self.keys(), {"PRIMARY", "c"})

    @only_long
    def test_what_is_not_understood_can_be_skipped(self) -> None:
        self.source.execute(f"use {SCHEMA}", "set session binlog_format = statement",
                            f"insert into {SCHEMA}.t values (3, 3)")
        self.until_paused("rows were changed by a statement")
        self.must("binlog", "skip", "test")
        self.source.execute("set session binlog_format = row", f"insert into {SCHEMA}.t values (4, 4)")
        self.until_rows([(1, 1), (2, 2), (4, 4)])


class OrdersAmidTransactions(Ordering):
    kind = "mysql80"

    @only_long
    def test_an_order_for_create_table_select_is_done_with_its_rows(self) -> None:
        self.must("binlog", "inject", "test", f"create table {SCHEMA}.made (id int primary key)", "-b", self.place())
        self.source.execute(f"create table {SCHEMA}.c (primary key (id)) as select id, v from {SCHEMA}.t")
        self.source.execute(f"insert into {SCHEMA}.t values (3, 3)")
        self.until_rows([(1, 1), (2, 2), (3, 3)])
        self.assertEqual(self.target.query(f"select * from {SCHEMA}.c order by id"), [(1, 1), (2, 2)])
        self.assertEqual(self.target.query(f"select count(*) from {SCHEMA}.made"), [(0,)])
        self.until("the order is done", lambda: ([order["done"] for order in self.orders()] == [True], self.orders()))
