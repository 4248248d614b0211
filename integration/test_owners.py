"""Two processes run one task: the later one takes it over, the earlier one notices, and no row is written twice."""

from __future__ import annotations

import re

import compare
import harness
import workload
from scenario import MoverScenario, only_long
from servers import Server

TABLES = list(workload.TABLES)
GIVES_WAY = "another process|taken over"


class Owners(MoverScenario):
    def two(self, target_kind: str) -> tuple[Server, Server, harness.Mover, harness.Mover]:
        target = self.target_server(target_kind, [workload.SCHEMA])
        source = self.server("mysql57", durable=True)
        workload.create_tables(source)
        workload.Writer(source, 1).write(100)
        first, second = (harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA], name,
                                       {"name": "shared"}) for name in ("first", "second"))
        self.addCleanup(first.end)
        self.addCleanup(second.end)
        first.start()
        self.until("the log phase", lambda: (harness.phases(target, "shared").get("s1") == "sync",
                                             first.must_run()), 120)
        return source, target, first, second

    def gives_way(self, mover: harness.Mover) -> None:
        self.until("the earlier one gives way in plain words", lambda: (
            bool(re.search(GIVES_WAY, mover.text())), mover.tail(10)), 60)
        self.assertEqual(mover.wait(30), 1, "that is no success")

    def while_writing(self, target_kind: str) -> None:
        source, target, first, second = self.two(target_kind)
        writer = workload.Writer(source, 2)
        writer.start()
        second.start()
        self.gives_way(first)
        before = writer.transactions
        self.until("writes go on", lambda: (writer.transactions > before + 100, writer.transactions))
        writer.stop()
        second.must_run()
        second.sync()
        self.assertEqual(compare.differences([source], target, workload.SCHEMA, TABLES), "")

    @only_long
    def test_while_rows_are_written_to_mysql(self) -> None:
        self.while_writing("mysql80")

    @only_long
    def test_while_rows_are_written_to_tidb(self) -> None:
        self.while_writing("tidb")

    def test_an_idle_one_notices_too(self) -> None:
        source, target, first, second = self.two("mysql80")
        compare.until_equal([source], target, workload.SCHEMA, TABLES)
        second.start()
        self.gives_way(first)
        workload.Writer(source, 3).write(20)
        compare.until_equal([source], target, workload.SCHEMA, TABLES)
        second.must_run()

    @only_long
    def test_in_the_copy(self) -> None:
        target = self.target_server("mysql80", [workload.SCHEMA])
        source = self.server("mysql57", durable=True)
        workload.create_tables(source)
        with source.connect(workload.SCHEMA) as connection, connection.cursor() as cursor:
            cursor.executemany("insert into keyed values (%s, %s, %s, %s, %s)",
                               [(at, at, 1.5, "x" * 60, None) for at in range(1, 150000)])
            cursor.executemany("insert into keyless values (%s, %s, %s, %s)",
                               [(at % 100, "same", 0.5, None) for at in range(20000)])
        movers = [harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA], name, {"name": "shared"})
                  for name in ("first", "second")]
        for mover in movers:
            self.addCleanup(mover.end)
        movers[0].start()
        self.until("the copy's beginning", lambda: (bool(target.query(
            "select 1 from information_schema.tables where table_schema = 'shop' and table_name = 'keyed'")),
            movers[0].must_run()))
        movers[1].start()
        self.gives_way(movers[0])
        movers[1].must_run()
        movers[1].sync()
        self.assertEqual(compare.differences([source], target, workload.SCHEMA, TABLES), "")
