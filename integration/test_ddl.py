"""Statements of every supported kind reach the target once, with kill -9 among them, and the rows around them too."""

from __future__ import annotations

import random
import threading
from typing import Sequence

import compare
import harness
import statements
from scenario import LONG, MoverScenario, only_long
from servers import Server
from waiting import pause

SCHEMA = "changing"


def shape(server: Server, schema: str) -> dict[str, tuple[list[str], set[str]]]:
    """Of each table: its columns in order, and the columns of its unique keys."""
    tables: dict[str, tuple[list[str], set[str]]] = {}
    for table, column in server.query(
            "select table_name, column_name from information_schema.columns where table_schema = %s"
            " order by table_name, ordinal_position", (schema,)):
        tables.setdefault(table, ([], set()))[0].append(column)
    for table, columns in server.query(
            "select table_name, group_concat(column_name order by seq_in_index) from information_schema.statistics"
            " where table_schema = %s and non_unique = 0 group by table_name, index_name", (schema,)):
        tables[table][1].add(columns)
    return tables


class Statements(MoverScenario):
    seed = 7

    def check_equal(self, source: Server, target: Server) -> None:
        self.assertEqual(shape(target, SCHEMA), shape(source, SCHEMA))
        self.assertEqual(compare.differences([source], target, SCHEMA, list(shape(source, SCHEMA))), "")

    def follow(self, source_kind: str, target_kind: str, kills: bool, gtid: bool = False) -> None:
        target = self.target_server(target_kind, [SCHEMA])
        source = self.server(source_kind, durable=True, gtid=gtid)
        source.execute(f"create database {SCHEMA} character set utf8mb4",
                       f"create table {SCHEMA}.first (id int primary key)",
                       f"insert into {SCHEMA}.first values (1)")
        mover = harness.mover(self.folder, {"s1": source}, target, [SCHEMA, "other_schema"])
        self.addCleanup(mover.end)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()))
        todo = statements.steps(source_kind, target_kind)
        if kills:
            self.kill_meanwhile(source, mover, todo)
        else:
            statements.run(source, SCHEMA, todo)
        mover.sync(400)
        self.check_equal(source, target)

    def kill_meanwhile(self, source: Server, mover: harness.Mover, todo: Sequence[statements.Step]) -> None:
        problems: list[BaseException] = []

        def write() -> None:
            try:
                for step in todo:
                    statements.run(source, SCHEMA, [step])
                    pause(0.3)
            except BaseException as problem:
                problems.append(problem)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        draw = random.Random(self.seed)
        kills = 0
        mover.kill()
        while writer.is_alive() or kills < (20 if LONG else 5):
            mover.kill_at_random(draw, 3.0)
            kills += 1
        print(f"      {kills} kills around {len(todo)} statements")
        if problems:
            raise problems[0]

    def test_mysql_5_7_into_tidb(self) -> None:
        self.follow("mysql57", "tidb", kills=False)

    @only_long
    def test_mysql_5_7_into_tidb_with_kills(self) -> None:
        self.follow("mysql57", "tidb", kills=True)

    @only_long
    def test_mysql_5_6_into_tidb_with_kills(self) -> None:
        self.follow("mysql56", "tidb", kills=True)

    @only_long
    def test_mysql_8_0_into_tidb_with_kills(self) -> None:
        self.follow("mysql80", "tidb", kills=True, gtid=True)

    @only_long
    def test_mysql_9_7_into_tidb_with_kills(self) -> None:
        self.follow("mysql97", "tidb", kills=True, gtid=True)

    @only_long
    def test_mariadb_into_tidb_with_kills(self) -> None:
        self.follow("mariadb", "tidb", kills=True)

    @only_long
    def test_mysql_5_7_into_mysql_with_kills(self) -> None:
        self.follow("mysql57", "mysql80", kills=True)

    @only_long
    def test_mysql_8_0_into_mysql_with_kills(self) -> None:
        self.follow("mysql80", "mysql80", kills=True, gtid=True)

    @only_long
    def test_mysql_9_7_into_mysql_with_kills(self) -> None:
        self.follow("mysql97", "mysql80", kills=True)

    @only_long
    def test_mariadb_into_mysql_with_kills(self) -> None:
        self.follow("mariadb", "mysql80", kills=True)
