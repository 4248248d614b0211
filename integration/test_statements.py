"""Statements that change tables while these are copied: the copies begin anew where they must, and nothing is lost."""

from __future__ import annotations

import random
import threading
from typing import Any

import compare
import harness
from scenario import MoverScenario, only_long
from servers import Server
from waiting import pause

SCHEMA = "changing"
TABLES = ("a", "b", "c", "d")
CREATE = ("create table {name} (id int not null primary key, n int not null, note varchar(40) not null default 'none')"
          " character set utf8mb4 collate utf8mb4_general_ci")
# Each leaves a table as it can be copied; many leave the definition as it was.
STATEMENTS = (
    ("alter table {one} add column extra int not null default 5", "alter table {one} drop column extra"),
    ("alter table {one} engine=InnoDB",),
    ("truncate table {one}",),
    ("drop table {one}", CREATE.replace("{name}", "{one}")),
    ("rename table {one} to swapping, {other} to {one}, swapping to {other}",),
    ("alter table {one} modify note varchar(60) not null default 'none'",),
    ("create table fresh_{number} like {one}", "insert into fresh_{number} select * from {one} limit 50"),
    ("drop table if exists {fresh}",),
    ("rename table {one} to aside", "rename table aside to {one}"),
    ("alter table {one} add index (n)", "alter table {one} drop index n"),
)


class Changer(threading.Thread):
    """Changes definitions and rows of the tables until stop()."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.fresh: list[str] = []
        self.done: list[str] = []
        self.problem: BaseException | None = None
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()
        self.join(60)
        if self.problem:
            raise AssertionError(f"after {self.done[-5:]}: {self.problem!r}") from self.problem

    def run(self) -> None:
        try:
            with self.server.connect(SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
                while not self._ended.is_set():
                    for _ in range(20):
                        self.row(cursor)
                    self.change(cursor)
                    pause(self.random.uniform(0.02, 0.5))  # a copy needs some time without any
        except BaseException as problem:  # shown by stop()
            self.problem = problem

    def row(self, cursor: Any, absent: str = "") -> None:
        table, key = self.random.choice([name for name in TABLES if name != absent]), self.random.randrange(30000)
        draw = self.random.randrange(3)
        if draw == 0:
            cursor.execute(f"replace into {table} (id, n, note) values (%s, %s, 'new')", (key, key % 9))
        elif draw == 1:
            cursor.execute(f"update {table} set n = n + 1 where id between %s and %s", (key, key + 5))
        else:
            cursor.execute(f"delete from {table} where id = %s", (key,))

    def change(self, cursor: Any) -> None:
        one, other = self.random.sample(TABLES, 2)
        fresh = self.fresh.pop() if self.fresh else "never_was"
        number = len(self.done)
        for form in self.random.choice(STATEMENTS):
            statement = form.format(one=one, other=other, number=number, fresh=fresh)
            cursor.execute(statement)
            self.done.append(statement)
            if statement.startswith("create table fresh"):
                self.fresh.append(f"fresh_{number}")
            for _ in range(3):
                self.row(cursor, absent=one)


class Statements(MoverScenario):
    def change_while_copying(self, source_kind: str, target_kind: str, seed: int, kills: int = 0,
                             **how: object) -> None:
        target = self.target_server(target_kind, [SCHEMA])
        source = self.server(source_kind, durable=True, **how)
        source.execute(f"create database {SCHEMA} character set latin1")
        with source.connect(SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(CREATE.format(name=table))
                cursor.executemany(f"insert into {table} (id, n, note) values (%s, %s, %s)",
                                   [(at, at % 7, "old") for at in range(20000)])
        dump = {"mydumpers": {"all": {"threads": 1, "rows": 1000}}}
        mover = harness.mover(self.folder, {"s1": source}, target, [SCHEMA], task=dump)
        self.addCleanup(mover.end)
        print(f"      seed {seed}")
        changer = Changer(source, seed)
        changer.start()
        mover.start()
        for _ in range(kills):
            pause(changer.random.uniform(0.3, 2.5))
            mover.kill()
            mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()),
                   240)
        changes = len(changer.done)
        self.until("statements in the log phase", lambda: (len(changer.done) > changes + 10, len(changer.done)))
        changer.stop()
        mover.sync(400)
        tables = [name for (name,) in source.query(
            "select table_name from information_schema.tables where table_schema = %s", (SCHEMA,))]
        self.assertEqual(compare.differences([source], target, SCHEMA, tables), "")
        there = {name for (name,) in target.query(
            "select table_name from information_schema.tables where table_schema = %s", (SCHEMA,))}
        self.assertEqual(there, set(tables))

    def test_tables_that_change_while_they_are_copied(self) -> None:
        self.change_while_copying("mysql80", "tidb", seed=7)

    @only_long
    def test_tables_that_change_while_they_are_copied_and_kills(self) -> None:
        self.change_while_copying("mysql57", "tidb", seed=20, kills=6)

    @only_long
    def test_tables_that_change_while_they_are_copied_and_other_kills(self) -> None:
        self.change_while_copying("mysql80", "tidb", seed=random.randrange(10**6), kills=6)

    @only_long
    def test_tables_of_mariadb_that_change_while_they_are_copied(self) -> None:
        self.change_while_copying("mariadb", "mysql80", seed=11, kills=2)

    @only_long
    def test_tables_that_change_while_they_are_copied_without_gtid(self) -> None:
        self.change_while_copying("mysql57", "mysql80", seed=13, kills=2, gtid=False)
