"""What sessions of a source do to their log: compressed and XA transactions, savepoints, odd modes, zones, engines."""

from __future__ import annotations

from typing import Sequence

import compare
import harness
from scenario import MoverScenario, only_long
from servers import Server

SCHEMA = "odd"
MADE = (f"create database {SCHEMA} character set utf8mb4",
        f"create table {SCHEMA}.k (id int not null auto_increment primary key, v varchar(2000))",
        f"create table {SCHEMA}.free (a int, v varchar(2000))")
TABLES = ["k", "free"]


class Sessions(MoverScenario):
    def pair(self, source_kind: str, target_kind: str, **how: object) -> tuple[Server, Server]:
        target = self.target_server(target_kind, [SCHEMA])
        source = self.server(source_kind, durable=True, **how)
        source.execute(*MADE)
        return source, target

    def mover(self, source: Server, target: Server) -> harness.Mover:
        mover = harness.mover(self.folder, {"s1": source}, target, [SCHEMA])
        self.addCleanup(mover.end)
        return mover

    def following(self, source: Server, target: Server) -> harness.Mover:
        mover = self.mover(source, target).start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()),
                   120)
        return mover

    def ends_equal(self, mover: harness.Mover, source: Server, target: Server, tables: Sequence[str] = TABLES) -> None:
        mover.sync()
        self.assertEqual(compare.differences([source], target, SCHEMA, tables), "")

    def compressed(self, kind: str, target_kind: str) -> None:
        source, target = self.pair(kind, target_kind)
        mover = self.following(source, target)
        with source.connect(SCHEMA, autocommit=False) as connection, connection.cursor() as cursor:
            cursor.execute("set session binlog_transaction_compression = on")
            for at in range(200):
                cursor.execute("insert into k values (%s, %s)", (at + 1, "x" * (at * 7)))
                cursor.execute("insert into free values (%s, %s)", (at % 5, "y" * 50))
                cursor.execute("update k set v = concat(v, 'z') where id = %s", (at // 2 + 1,))
                cursor.execute("delete from free where a = %s limit 1", (at % 3,))
                if at % 10 == 9:
                    connection.commit()
                if at == 100:
                    mover.kill()
                    mover.start()
            connection.commit()
            cursor.executemany("insert into free values (%s, %s)", [(at, "many") for at in range(20000)])
            connection.commit()
        self.ends_equal(mover, source, target)

    def test_compressed_transactions_of_mysql_8_0_into_mysql(self) -> None:
        self.compressed("mysql80", "mysql80")

    @only_long
    def test_compressed_transactions_of_mysql_9_7_into_tidb(self) -> None:
        self.compressed("mysql97", "tidb")

    def xa(self, kind: str, target_kind: str, gtid: bool = True) -> None:
        source, target = self.pair(kind, target_kind, gtid=gtid)
        source.execute(f"insert into {SCHEMA}.k values (1, 'one'), (2, 'two'), (3, 'three')")
        mover = self.following(source, target)
        prepared = source.connect(SCHEMA)
        with prepared.cursor() as cursor:
            for name, rows, end in (("'a'", "insert into k values (10, 'xa')", "commit"),
                                    ("'b','branch'", "update k set v = 'lost' where id = 1", "rollback"),
                                    ("'c',x'00ff',7", "delete from k where id = 2", "commit")):
                cursor.execute(f"xa start {name}")
                cursor.execute(rows)
                cursor.execute("insert into free values (1, 'xa')")
                cursor.execute(f"xa end {name}")
                cursor.execute(f"xa prepare {name}")
                source.execute(f"insert into {SCHEMA}.free values (2, 'between')")
                if end == "commit":
                    mover.kill()
                    mover.start()
                cursor.execute(f"xa {end} {name}")
            cursor.execute("xa start 'one'")
            cursor.execute("insert into k values (20, 'one phase')")
            cursor.execute("xa end 'one'")
            cursor.execute("xa commit 'one' one phase")
        prepared.close()
        self.ends_equal(mover, source, target)

    def test_xa_of_mysql_5_7_into_mysql(self) -> None:
        self.xa("mysql57", "mysql80")

    @only_long
    def test_xa_of_mysql_5_7_by_position(self) -> None:
        self.xa("mysql57", "mysql80", gtid=False)

    @only_long
    def test_xa_of_mysql_8_0_into_tidb(self) -> None:
        self.xa("mysql80", "tidb")

    @only_long
    def test_xa_of_mariadb_into_tidb(self) -> None:
        self.xa("mariadb", "tidb")

    @only_long
    def test_a_transaction_that_is_prepared_holds_the_copy_up(self) -> None:
        source, target = self.pair("mysql57", "mysql80")
        source.execute(f"insert into {SCHEMA}.k values (1, 'one')")
        with source.connect(SCHEMA) as prepared, prepared.cursor() as cursor:
            cursor.execute("xa start 'early'")
            cursor.execute("insert into k values (2, 'prepared before the copy')")
            cursor.execute("xa end 'early'")
            cursor.execute("xa prepare 'early'")
        mover = self.mover(source, target).start()
        self.until("it says what it waits for", lambda: ("XA" in mover.text() or "prepared" in mover.text(),
                                                         (mover.must_run(), mover.tail(8))))
        source.execute("xa commit 'early'")
        self.ends_equal(mover, source, target)

    def test_savepoints_modes_and_engines(self) -> None:
        self.oddities("mysql57", "mysql80")

    @only_long
    def test_savepoints_modes_and_engines_into_tidb(self) -> None:
        self.oddities("mysql80", "tidb")

    @only_long
    def test_savepoints_modes_and_engines_of_mariadb_into_tidb(self) -> None:
        self.oddities("mariadb", "tidb")

    def oddities(self, kind: str, target_kind: str) -> None:
        source, target = self.pair(kind, target_kind, gtid=False)
        source.execute(f"create table {SCHEMA}.zero (id int not null auto_increment primary key, v int)",
                       "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", f"insert into {SCHEMA}.zero values (0, 1), (5, 2)",
                       f"create table {SCHEMA}.isam (id int primary key, v varchar(20)) engine=MyISAM",
                       f"insert into {SCHEMA}.isam values (1, 'before')",
                       f"create table {SCHEMA}.audit (id int primary key, v int)",
                       f"create trigger {SCHEMA}.watch after insert on {SCHEMA}.zero for each row"
                       f" insert into {SCHEMA}.audit values (new.id, new.v)")
        mover = self.following(source, target)
        with source.connect(SCHEMA, autocommit=False) as connection, connection.cursor() as cursor:
            for statement in (
                "insert into k values (1, 'kept')", "savepoint one", "insert into k values (2, 'gone')",
                "insert into free values (1, 'gone')", "rollback to savepoint one", "savepoint two",
                "insert into k values (3, 'kept')", "release savepoint two", "commit",
                "insert into k values (9, 'never')", "rollback",
                "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", "insert into zero values (-1, 3)",
                "update zero set v = v + 1",
                "delete from zero where id = 0", "insert into zero values (0, 9)", "commit",
                "set sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
                "insert into \"k\" values (50, 'back\\slash' || ' \"quoted\"')", "commit",
                "set sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'", "insert into k values (51, 'x')", "commit",
                "set sql_mode = ''", "insert into isam values (2, 'in a transaction')",
                "insert into k values (60, 'beside it')", "commit",
                "insert into isam values (3, 'alone')", "update isam set v = 'new' where id = 1", "commit",
                "insert into k values (null, 'auto'), (null, 'auto')", "commit",
                "replace into k values (50, 'replaced'), (61, 'new')",
                "insert into k values (50, 'x') on duplicate key update v = 'updated'",
                "insert into free select id, v from k", "update k join free on k.id = free.a set k.v = 'joined',"
                " free.v = 'joined' where k.id > 50",
                "delete k, free from k join free on k.id = free.a where k.id = 51",
                "commit", "insert into free values (1, 'same'), (1, 'same'), (1, 'same')", "commit",
                "delete from free where v = 'same' limit 2", "commit",
                "create temporary table t (id int)", "insert into t values (1)", "drop temporary table t", "commit",
            ):
                cursor.execute(statement)
        self.ends_equal(mover, source, target, [*TABLES, "zero", "isam", "audit"])

    def zones(self, kind: str, target_kind: str) -> None:
        """Local times of sessions and of the server itself, in rows, and in rows that a statement fills."""
        source, target = self.pair(kind, target_kind, options=["default-time-zone=+05:30"])
        source.execute(f"create table {SCHEMA}.times (id int primary key, ts timestamp null, dt datetime null)",
                       f"insert into {SCHEMA}.times values (1, '2024-02-29 12:00:00', '2024-02-29 12:00:00')")
        mover = self.following(source, target)
        with source.connect(SCHEMA) as connection, connection.cursor() as cursor:
            for number, zone in enumerate(("+00:00", "-08:00", "SYSTEM", "+13:00")):
                name = f"c{number}"
                cursor.execute("set time_zone = %s", (zone,))
                cursor.execute("insert into times (id, ts, dt) select max(id) + 1, now(), now() from times")
                cursor.execute("insert into times (id, ts, dt) select max(id) + 1, '2024-06-01 01:02:03', now()"
                               " from times")
                cursor.execute(f"alter table times add {name} datetime not null default current_timestamp,"
                               f" add t{name} timestamp not null default '2020-02-02 02:02:02'")
        mover.sync()
        self.assertEqual(compare.differences([source], target, SCHEMA, ["times"]), "")

    def test_time_zones_into_mysql(self) -> None:
        self.zones("mysql57", "mysql80")

    @only_long
    def test_time_zones_into_tidb(self) -> None:
        self.zones("mysql80", "tidb")

    @only_long
    def test_time_zones_of_mariadb_into_tidb(self) -> None:
        self.zones("mariadb", "tidb")

    def refuses(self, mover: harness.Mover, words: Sequence[str]) -> None:
        self.until("the pause", lambda: (all(word in mover.text() for word in words), mover.tail(8)), 60)
        self.assertEqual(mover.wait(30), 1)

    def test_rows_of_a_session_that_logs_statements_are_refused(self) -> None:
        source, target = self.pair("mysql57", "mysql80")
        mover = self.following(source, target)
        source.execute("set session binlog_format = 'STATEMENT'", f"insert into {SCHEMA}.k values (1, 'as text')")
        self.refuses(mover, ["insert into odd.k", "binlog_format", "ROW"])

    @only_long
    def test_partial_images_of_a_session_are_refused_where_a_key_is_missing(self) -> None:
        source, target = self.pair("mysql57", "mysql80")
        source.execute(f"insert into {SCHEMA}.free values (1, 'one'), (2, 'two')")
        mover = self.following(source, target)
        source.execute("set session binlog_row_image = 'MINIMAL'", f"update {SCHEMA}.free set v = 'new' where a = 1")
        compare.until_equal([source], target, SCHEMA, ["free"])  # without a key the row before is logged whole
        source.execute(f"create table {SCHEMA}.two (id int primary key, u int not null, v int, unique key (u))",
                       f"insert into {SCHEMA}.two values (1, 1, 1)", "set session binlog_row_image = 'MINIMAL'",
                       f"update {SCHEMA}.two set v = 2 where id = 1")
        self.refuses(mover, ["odd.two", "binlog_row_image", "FULL"])

    @only_long
    def test_partial_json_is_refused(self) -> None:
        source, target = self.pair("mysql80", "mysql80")
        source.execute(f"create table {SCHEMA}.j (id int primary key, j json)",
                       f"insert into {SCHEMA}.j values (1, json_object('a', repeat('x', 500), 'b', 1))")
        mover = self.following(source, target)
        source.execute("set session binlog_row_value_options = 'PARTIAL_JSON'",
                       f"update {SCHEMA}.j set j = json_set(j, '$.b', 2) where id = 1")
        self.refuses(mover, ["partial JSON", "binlog_row_value_options"])

    @only_long
    def test_compressed_events_of_mariadb_are_refused(self) -> None:
        source, target = self.pair("mariadb", "mysql80")
        mover = self.following(source, target)
        source.execute("set global log_bin_compress = 1", f"insert into {SCHEMA}.k values (1, repeat('x', 2000))")
        self.refuses(mover, ["log_bin_compress"])

    @only_long
    def test_tagged_gtids_are_refused(self) -> None:
        source, target = self.pair("mysql97", "mysql80")
        mover = self.following(source, target)
        source.execute("set session gtid_next = 'AUTOMATIC:tagged'", f"insert into {SCHEMA}.k values (1, 'tagged')")
        self.refuses(mover, ["tagged", "gtid_next"])
