"""Tasks that copy nothing: they begin at a file and offset, at a GTID set, or now; the source has gone on."""

from __future__ import annotations

from typing import Any

import harness
from scenario import MoverScenario
from servers import Server

SCHEMA = "ledger"


class Incremental(MoverScenario):
    def begun(self, gtid: bool, changed: bool = False) -> tuple[Server, Server, list[str]]:
        """A source with rows before and behind a place, in several files; the target has those before it."""
        target = self.target_server("tidb", [SCHEMA])
        source = self.server("mysql57", gtid=gtid)
        for server in (source, target):
            server.execute(f"create database {SCHEMA}", f"create table {SCHEMA}.t (id int primary key, n int)",
                           f"insert into {SCHEMA}.t values (1, 0), (2, 0)")
        place = [str(value) for value in source.query("show master status")[0]]
        source.execute(f"update {SCHEMA}.t set n = 1 where id = 1", "flush logs",
                       f"insert into {SCHEMA}.t values (3, 0)", "flush logs", f"delete from {SCHEMA}.t where id = 2")
        if changed:
            source.execute(f"alter table {SCHEMA}.t add column more int not null default 7 after id",
                           f"create table {SCHEMA}.later (id int primary key)",
                           f"insert into {SCHEMA}.later values (1)")
        return source, target, place

    def apply_from(self, source: Server, target: Server, meta: dict[str, Any] | None) -> list[tuple[Any, ...]]:
        task = harness.task_document("inc", target, ["s1"], [SCHEMA], {"task-mode": "incremental"})
        if meta:
            task["mysql-instances"][0]["meta"] = meta
        mover = harness.Mover(self.folder, {"s1": harness.source_document("s1", source)}, task)
        self.addCleanup(mover.end)
        mover.sync()
        source.execute(f"insert into {SCHEMA}.t (id, n) values (9, 9)")
        mover.sync()
        return sorted(target.query(f"select id, n from {SCHEMA}.t"))

    def test_begins_at_a_file_that_the_source_has_left(self) -> None:
        source, target, place = self.begun(gtid=False)
        meta = {"binlog-name": place[0], "binlog-pos": int(place[1])}
        self.assertEqual(self.apply_from(source, target, meta), [(1, 1), (3, 0), (9, 9)])

    def test_begins_at_a_set_of_gtids(self) -> None:
        source, target, place = self.begun(gtid=True)
        self.assertEqual(self.apply_from(source, target, {"binlog-gtid": place[4].replace("\n", "")}),
                         [(1, 1), (3, 0), (9, 9)])

    def test_begins_now_without_a_place(self) -> None:
        source, target, _ = self.begun(gtid=True)
        self.assertEqual(self.apply_from(source, target, None), [(1, 0), (2, 0), (9, 9)])

    def test_follows_statements_that_lie_between_its_beginning_and_now(self) -> None:
        source, target, place = self.begun(gtid=False, changed=True)
        meta = {"binlog-name": place[0], "binlog-pos": int(place[1])}
        self.assertEqual(self.apply_from(source, target, meta), [(1, 1), (3, 0), (9, 9)])
        self.assertEqual(sorted(target.query(f"select id, more from {SCHEMA}.t")), [(1, 7), (3, 7), (9, 7)])
        self.assertEqual(target.query(f"select id from {SCHEMA}.later"), [(1,)])
