"""The tutorial of 2019: two MySQL 5.7 sources, one table merged into TiDB while writes go on."""

from __future__ import annotations

import threading
from typing import Any

import pymysql

import compare
import harness
from scenario import MoverScenario, only_long
from servers import Server
from waiting import pause

CIPHER_OF_123456 = "VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU="
ROWS_BEFORE = 3000


class TableWriter(threading.Thread):
    """Inserts, updates and deletes in test_db.test_table; the keys of two sources do not meet (odd and even)."""

    def __init__(self, server: Server, parity: int) -> None:
        super().__init__(daemon=True)
        self.server, self.next_id, self.ended = server, ROWS_BEFORE * 2 + parity, threading.Event()
        self.writes = 0
        self.problem: pymysql.Error | None = None

    def run(self) -> None:
        try:
            with self.server.connect("test_db") as connection, connection.cursor() as cursor:
                while not self.ended.is_set():
                    self.write(cursor)
                    pause(0.005)
        except pymysql.Error as problem:
            self.problem = problem

    def write(self, cursor: Any) -> None:
        cursor.execute("insert into test_table values (%s, 'new', now())", (self.next_id,))
        cursor.execute("update test_table set name = concat(name, '+') where id = %s", (self.next_id - 40,))
        cursor.execute("delete from test_table where id = %s", (self.next_id - 100,))
        self.next_id += 2
        self.writes += 1

    def stop(self) -> None:
        self.ended.set()
        self.join(30)
        if self.problem:
            raise self.problem


class Tutorial(MoverScenario):
    def source(self, parity: int, gtid: bool) -> Server:
        server = self.server("mysql57", gtid=gtid, durable=True)
        server.execute("create database test_db", "create database other_db",
                       "create table test_db.test_table (id int primary key auto_increment, name varchar(30),"
                       " made datetime)", "create table test_db.not_wanted (id int primary key)",
                       "create table other_db.test_table (id int primary key)")
        with server.connect("test_db") as connection, connection.cursor() as cursor:
            cursor.executemany("insert into test_table values (%s, %s, %s)",
                               [(at * 2 + parity, f"row {at}", "2019-08-15 12:00:00") for at in range(1, ROWS_BEFORE)])
        server.execute("set password for root@'127.0.0.1' = password('123456')")
        return server

    def task(self, target: Server, extra: str) -> dict[str, Any]:
        return {
            "name": "test", "task-mode": "all",
            "ignore-checking-items": ["dump_privilege", "replication_privilege"],
            "target-database": {"host": target.host, "port": target.port, "user": target.user,
                                "password": target.password},
            "mysql-instances": [{"source-id": f"mysql-replica-0{number}", "black-white-list": "global",
                                 "mydumper-config-name": "global"} for number in (1, 2)],
            "black-white-list": {"global": {"do-tables": [{"db-name": "test_db", "tbl-name": "test_table"}]}},
            "mydumpers": {"global": {"extra-args": f"-B test_db -T test_table{extra}"}},
        }

    def walk(self, gtid: bool, extra: str, target_kind: str = "tidb") -> None:
        target = self.target_server(target_kind, ["test_db"])
        sources = [self.source(parity, gtid) for parity in (1, 0)]
        documents = {f"mysql-replica-0{at + 1}": harness.source_document(
            f"mysql-replica-0{at + 1}", server, from_password=CIPHER_OF_123456) for at, server in enumerate(sources)}
        mover = harness.Mover(self.folder, documents, self.task(target, extra))
        self.addCleanup(mover.end)
        writers = [TableWriter(server, parity) for server, parity in zip(sources, (1, 0))]
        for writer in writers:
            writer.start()
        mover.start()
        self.until("both sources are past the full phase",
                   lambda: ((state := harness.phases(target, "test")) and set(state.values()) == {"sync"}
                            and len(state) == 2, (state, mover.must_run())), 180)
        seen = [writer.writes for writer in writers]
        self.until("writes go on meanwhile", lambda: (all(writer.writes > before + 50 for writer, before in
                                                          zip(writers, seen)), [w.writes for w in writers]))
        mover.kill()
        mover.start()
        for writer in writers:
            writer.stop()
        mover.sync()
        self.assertEqual(compare.table_difference(sources, target, "test_db", "test_table"), "")
        tables = {row[0] for row in target.query("select concat(table_schema, '.', table_name) from"
                                                 " information_schema.tables where table_schema in"
                                                 " ('test_db', 'other_db')")}
        self.assertEqual(tables, {"test_db.test_table"}, "nothing but the listed table")

    def test_with_gtid(self) -> None:
        self.walk(True, "")

    def test_without_gtid_under_short_table_locks(self) -> None:
        self.walk(False, "")

    @only_long
    def test_with_gtid_and_no_locks(self) -> None:
        self.walk(True, " --no-locks")

    @only_long
    def test_without_gtid_and_no_locks(self) -> None:
        self.walk(False, " --no-locks")

    def test_into_mysql_8_0(self) -> None:
        self.walk(True, "", "mysql80")
