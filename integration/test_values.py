"""Every column type with its edge values, through the full phase and the log, byte for byte."""

from __future__ import annotations

import columns
import compare
import harness
from scenario import MoverScenario, only_long

SCHEMA = "edges"


class Values(MoverScenario):
    def move(self, source_kind: str, target_kind: str) -> None:
        target = self.target_server(target_kind, [SCHEMA])
        source = self.server(source_kind, options=["innodb_file_format=Barracuda", "innodb_large_prefix=1"]
                             if source_kind == "mysql56" else [])
        tables = []
        source.execute(f"create database {SCHEMA} character set utf8mb4")
        for group in columns.groups(source_kind):
            for keyed in (True, False):
                source.execute(columns.MODE, columns.create(group, source_kind, SCHEMA, keyed))
            tables += [group, f"{group}_keyless"]
        columns.insert_all(source, SCHEMA, 1)
        mover = harness.mover(self.folder, {"s1": source}, target, [SCHEMA])
        self.addCleanup(mover.end)
        mover.sync()
        self.assertEqual(compare.differences([source], target, SCHEMA, tables), "", "after the full phase")
        columns.insert_all(source, SCHEMA, 1000)
        mover.sync()
        self.assertEqual(compare.differences([source], target, SCHEMA, tables), "", "after inserts in the log")
        columns.change_all(source, SCHEMA, 1)
        columns.change_all(source, SCHEMA, 1000)
        mover.sync()
        self.assertEqual(compare.differences([source], target, SCHEMA, tables), "", "after changes in the log")

    @only_long
    def test_mysql_5_6_into_tidb(self) -> None:
        self.move("mysql56", "tidb")

    def test_mysql_5_7_into_tidb(self) -> None:
        self.move("mysql57", "tidb")

    @only_long
    def test_mysql_8_0_into_tidb(self) -> None:
        self.move("mysql80", "tidb")

    @only_long
    def test_mysql_9_7_into_tidb(self) -> None:
        self.move("mysql97", "tidb")

    @only_long
    def test_mariadb_into_tidb(self) -> None:
        self.move("mariadb", "tidb")

    @only_long
    def test_mysql_5_6_into_mysql(self) -> None:
        self.move("mysql56", "mysql80")

    @only_long
    def test_mysql_5_7_into_mysql(self) -> None:
        self.move("mysql57", "mysql80")

    @only_long
    def test_mysql_8_0_into_mysql(self) -> None:
        self.move("mysql80", "mysql80")

    @only_long
    def test_mysql_9_7_into_mysql(self) -> None:
        self.move("mysql97", "mysql80")

    @only_long
    def test_mariadb_into_mysql(self) -> None:
        self.move("mariadb", "mysql80")
