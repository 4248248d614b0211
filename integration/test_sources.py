"""One source of each kind into each kind of target, and two sources into one table."""

from __future__ import annotations

import compare
import harness
import workload
from scenario import MoverScenario, only_long

TABLES = list(workload.TABLES)


class Sources(MoverScenario):
    def move(self, kinds: list[str], target_kind: str, **how: object) -> None:
        target = self.target_server(target_kind, [workload.SCHEMA])
        sources = [self.server(kind, durable=True, **how) for kind in kinds]
        writers = []
        for number, source in enumerate(sources):
            workload.create_tables(source)
            writers.append(workload.Writer(source, seed=number, offset=number * 10**7).write(400))
        named = {f"s{number}": source for number, source in enumerate(sources)}
        mover = harness.mover(self.folder, named, target, [workload.SCHEMA])
        self.addCleanup(mover.end)
        for number, source in enumerate(sources):
            writers[number] = workload.Writer(source, seed=100 + number, offset=number * 10**7)
            writers[number].start()
        mover.start()
        self.until("the log phase of each source", lambda: (
            list(harness.phases(target, "mover").values()) == ["sync"] * len(sources), mover.must_run()), 180)
        for writer in writers:
            before = writer.transactions
            self.until("writes in the log phase", lambda: (writer.transactions > before + 200, writer.transactions))
            writer.stop()
        mover.sync()
        self.assertEqual(compare.differences(sources, target, workload.SCHEMA, TABLES), "")

    @only_long
    def test_mysql_5_6_into_tidb(self) -> None:
        self.move(["mysql56"], "tidb")

    @only_long
    def test_mysql_5_7_into_tidb(self) -> None:
        self.move(["mysql57"], "tidb")

    @only_long
    def test_mysql_5_7_without_gtid_into_mysql(self) -> None:
        self.move(["mysql57"], "mysql80", gtid=False)

    @only_long
    def test_mysql_8_0_into_tidb(self) -> None:
        self.move(["mysql80"], "tidb")

    @only_long
    def test_mysql_8_0_into_mysql(self) -> None:
        self.move(["mysql80"], "mysql80")

    @only_long
    def test_mysql_9_7_into_tidb(self) -> None:
        self.move(["mysql97"], "tidb")

    @only_long
    def test_mariadb_into_tidb(self) -> None:
        self.move(["mariadb"], "tidb")

    def test_mariadb_into_mysql(self) -> None:
        self.move(["mariadb"], "mysql80")

    def test_two_sources_into_one_table_of_tidb(self) -> None:
        self.move(["mysql57", "mysql80"], "tidb")

    @only_long
    def test_two_sources_into_one_table_of_mysql(self) -> None:
        self.move(["mysql57", "mariadb"], "mysql80")
