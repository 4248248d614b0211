"""`tiderelay verify`: equal while writes go on, each kind of difference found, and mended."""

from __future__ import annotations

import threading
from typing import Any

import harness
from scenario import MoverScenario, only_long
from servers import Server
from verify import found, table_of, verify

SCHEMA = "shop"
DEFINITIONS = [
    "create table shop.plain (id int primary key, name varchar(40), f float, d double, j JSON_TYPE, b varbinary(20),"
    " bits bit(7), at timestamp(3) null) default charset latin1",
    "create table shop.folded (name varchar(20) collate utf8mb4_unicode_ci, part int, note text,"
    " primary key (name, part)) default charset utf8mb4",
    "create table shop.keyless (a int, b varchar(20), j JSON_TYPE)",
    "create table shop.busy (id int primary key, n int)",
]
FILL = [
    "insert into shop.plain values (1, 'é', 0.1, 1e20, '{\"b\": 1, \"aa\": [1.5, null]}', x'00ff', b'101',"
    " '2024-02-29 12:00:00.123'), (2, null, -3.4e38, 0.1, null, null, null, null),"
    " (3, '', 1e-30, -0.0, '[]', '', 0, null)",
    "insert into shop.folded values ('Straße', 1, 'x'), ('straẞe', 2, 'y'), ('Z', 1, null), ('é', 1, 'z')",
    "insert into shop.keyless values (1, 'twice', '{\"z\": 1, \"aaa\": 2}'), (1, 'twice',"
    " '{\"z\": 1, \"aaa\": 2}'), (null, null, null), (2, 'once', null)",
    "insert into shop.busy select n, 0 from NUMBERS",
]


def fill(source: Server, json_type: str = "json") -> None:
    numbers = "(select a.n * 10 + b.n as n from " + ", ".join(
        "(select 0 as n" + "".join(f" union all select {i}" for i in range(1, size)) + f") {name}"
        for name, size in (("a", 50), ("b", 10))) + ") numbers"
    source.execute(f"create database {SCHEMA}", *[text.replace("JSON_TYPE", json_type) for text in DEFINITIONS],
                   *[text.replace("NUMBERS", numbers) for text in FILL])


class Writer(threading.Thread):
    """Changes rows of `busy` all the time, a few rows at once."""

    def __init__(self, source: Server) -> None:
        super().__init__()
        self.source, self.ended, self.writes = source, threading.Event(), 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                at = self.writes * 7 % 500
                self.source.execute(f"update {SCHEMA}.busy set n = n + 1 where id between {at} and {at + 3}",
                                    f"delete from {SCHEMA}.busy where id = {at}",
                                    f"insert into {SCHEMA}.busy values ({at}, {self.writes})",
                                    f"insert into {SCHEMA}.keyless values ({self.writes}, 'w', null)")
                self.writes += 1
        except BaseException as failure:  # told by stop()
            self.failure = failure

    def stop(self) -> None:
        self.ended.set()
        self.join()
        if self.failure:
            raise self.failure


class Verify(MoverScenario):
    def running(self, target_kind: str, source_kind: str, **how: Any) -> tuple[Server, Server, harness.Mover]:
        target = self.target_server(target_kind, [SCHEMA])
        source = self.server(source_kind, **how)
        fill(source)
        mover = harness.mover(self.folder, {"s1": source}, target, [SCHEMA])
        self.addCleanup(mover.end)
        mover.sync()
        mover.start()
        mover.wait_text("in step")
        return source, target, mover

    def spoil(self, target: Server) -> list[tuple[str, str, str]]:
        """Each kind of difference; what verify should find."""
        target.execute(f"update {SCHEMA}.plain set name = 'E' where id = 1",
                       "update shop.plain set j = '{\"b\": 2, \"aa\": [1.5, null]}' where id = 1",
                       f"delete from {SCHEMA}.plain where id = 2",
                       f"insert into {SCHEMA}.plain (id, f) values (-5, 0.25)",
                       f"update {SCHEMA}.folded set note = 'X' where name = 'straße' and part = 1",
                       f"delete from {SCHEMA}.keyless where a = 1 limit 1",
                       f"insert into {SCHEMA}.keyless values (7, 'extra', null)")
        return [(f"{SCHEMA}.folded", "changed", "`name` = 'Straße', `part` = 1"),
                (f"{SCHEMA}.keyless", "extra", "`a` = 7, `b` = 'extra', `j` = NULL"),
                (f"{SCHEMA}.keyless", "missing", "`a` = 1, `b` = 'twice', `j` = '{\"z\": 1, \"aaa\": 2}'"),
                (f"{SCHEMA}.plain", "changed", "`id` = 1"),
                (f"{SCHEMA}.plain", "extra", "`id` = -5"),
                (f"{SCHEMA}.plain", "missing", "`id` = 2")]

    def compare(self, target_kind: str, source_kind: str, **how: Any) -> None:
        source, target, mover = self.running(target_kind, source_kind, **how)
        writer = Writer(source)
        writer.start()
        try:
            code, answer = verify(mover, "--chunk-rows", "100")
            self.assertEqual((code, answer["differences"]), (0, []), answer)
            self.assertEqual({table["state"] for table in answer["tables"]}, {"equal"}, answer)
            self.assertGreaterEqual(int(table_of(answer, f"{SCHEMA}.busy")["ranges"]), 5)
            self.assertIn(":", answer["tables"][0]["sources"][0]["equalUpTo"])
            wrong = self.spoil(target)
            code, answer = verify(mover)
            self.assertEqual((code, found(answer)), (1, wrong), answer)
            code, answer = verify(mover, "--repair")
            self.assertEqual((code, found(answer)), (0, wrong), answer)
            self.assertTrue(all(row["repaired"] for row in answer["differences"]), answer)
            code, answer = verify(mover)
            self.assertEqual((code, answer["differences"]), (0, []), answer)
        finally:
            writer.stop()
        self.assertGreater(writer.writes, 0)
        mover.must_run()
        records = target.query("select operation, operator from dm_meta.tiderelay_operation")
        self.assertEqual({row[0] for row in records}, {"verify --repair"})
        self.assertTrue(all("@" in row[1] for row in records), records)
        mover.sync()  # the task goes on over what was mended
        code, answer = verify(mover)
        self.assertEqual(code, 0, answer)

    def test_finds_and_mends_every_difference_in_tidb_while_rows_are_written(self) -> None:
        self.compare("tidb", "mysql57", gtid=True)

    @only_long
    def test_finds_and_mends_every_difference_in_mysql_by_position(self) -> None:
        self.compare("mysql80", "mysql57")

    @only_long
    def test_finds_and_mends_every_difference_from_mysql_80(self) -> None:
        self.compare("tidb", "mysql80", gtid=True)


class VerifyMerged(MoverScenario):
    @only_long
    def test_rows_of_two_sources_in_one_table_are_compared_together(self) -> None:
        target = self.target_server("tidb", [SCHEMA])
        sources = {"s1": self.server("mysql57", gtid=True), "s2": self.server("mysql57", gtid=True)}
        for number, server in enumerate(sources.values()):
            server.execute(f"create database {SCHEMA}", f"create table {SCHEMA}.t (id int primary key, n int)",
                           f"insert into {SCHEMA}.t values ({10 + number}, 1), ({20 + number}, 2)")
        mover = harness.mover(self.folder, sources, target, [SCHEMA])
        self.addCleanup(mover.end)
        mover.sync()
        self.assertEqual(verify(mover)[0], 0)
        target.execute(f"delete from {SCHEMA}.t where id = 21", f"update {SCHEMA}.t set n = 9 where id = 10",
                       f"insert into {SCHEMA}.t values (99, 9)")
        wrong = [(f"{SCHEMA}.t", "changed", "`id` = 10"), (f"{SCHEMA}.t", "extra", "`id` = 99"),
                 (f"{SCHEMA}.t", "missing", "`id` = 21")]
        code, answer = verify(mover, "--repair")
        self.assertEqual((code, found(answer)), (0, wrong), answer)
        self.assertEqual(sorted(target.query(f"select * from {SCHEMA}.t")), [(10, 1), (11, 1), (20, 2), (21, 2)])
