"""The tools of the scenarios do what they are taken for: judged by the servers' own replication, without tiderelay."""

from __future__ import annotations

import threading

import pymysql

import compare
import harness
import servers
import workload
from packages import Missing
from proxy import Proxy
from scenario import Scenario
from servers import Server


class Harness(Scenario):
    def replica_of(self, source: Server) -> Server:
        replica = self.server("mysql57")
        replica.execute(
            f"change master to master_host='{servers.HOST}', master_port={source.port}, master_user='repl',"
            f" master_password='{servers.REPL_PASSWORD}', master_auto_position=1", "start slave")
        return replica

    def test_a_replica_of_the_workload_is_equal_and_a_changed_row_is_found(self) -> None:
        source = self.server("mysql57")
        replica = self.replica_of(source)
        workload.create_tables(source)
        writer = workload.Writer(source, seed=7).write(1500)
        self.assertGreater(writer.transactions, 1000)
        tables = list(workload.TABLES)
        compare.until_equal([source], replica, workload.SCHEMA, tables)
        for table in tables:
            self.assertGreater(source.query(f"select count(*) from shop.{table}")[0][0], 5, f"{table} stays empty")

        replica.execute("stop slave", "set sql_log_bin=0")
        changes = {"keyless": "insert into keyless select * from keyless limit 1",
                   "keyed": "update keyed set price = price + 0.001 limit 1",
                   "string_key": "delete from string_key limit 1",
                   "unique_only": "update unique_only set d = d + 1e-12 where d between 0.1 and 4 limit 1"}
        for table, change in changes.items():
            replica.execute(change, database="shop")
            self.assertTrue(compare.differences([source], replica, "shop", [table]), f"not found: {change}")
        self.assertEqual(compare.differences([source], replica, "shop", ["two_uniques", "composite"]), "")

    def test_a_seed_gives_the_same_rows_again(self) -> None:
        one, other = self.server("mysql57"), self.server("mysql57")
        for server in (one, other):
            workload.create_tables(server)
            workload.Writer(server, seed=3).write(200)
        stable = [table for table in workload.TABLES if table != "keyed"]  # which has the clock in a column
        self.assertEqual(compare.differences([one], other, "shop", stable), "")

    def test_a_writer_goes_on_after_its_server_was_killed(self) -> None:
        source = self.server("mysql57", durable=True)
        workload.create_tables(source)
        writer = workload.Writer(source, seed=1)
        writer.start()
        for _ in range(2):
            before = writer.transactions
            self.until("the writer writes", lambda: (writer.transactions > before + 20, writer.transactions))
            source.kill()
            source.start()
        before = writer.transactions
        self.until("the writer writes again", lambda: (writer.transactions > before + 20, writer.transactions))
        writer.stop()
        self.assertGreaterEqual(writer.reconnects, 2)

    def through(self, proxy: Proxy) -> "pymysql.connections.Connection[tuple[object, ...]]":
        return pymysql.connect(host=proxy.host, port=proxy.port, user="root", password=servers.ROOT_PASSWORD,
                               database="d", read_timeout=20)

    def insert(self, proxy: Proxy, value: int) -> bool:
        """Whether the client saw its COMMIT succeed."""
        connection = self.through(proxy)
        with connection.cursor() as cursor:
            cursor.execute("insert into t values (%s)", (value,))
            try:
                connection.commit()
            except pymysql.Error:
                return False
        connection.close()
        return True

    def test_a_server_that_is_not_ours_keeps_its_schemas(self) -> None:
        started = self.server("tidb")
        theirs = servers.RunningTidb(f"{started.host}:{started.port}")
        theirs.execute("create database dm_meta", "create table dm_meta.checkpoint (id int primary key)",
                       "insert into dm_meta.checkpoint values (1)")
        self.assertRaises(Missing, harness.claim, theirs, ["shop"])
        self.assertEqual(theirs.query("select id from dm_meta.checkpoint"), [(1,)], "nothing was dropped")
        theirs.execute("drop database dm_meta")
        give_back = harness.claim(theirs, ["shop"])
        theirs.execute("create database shop", "create database dm_meta", "create database kept")
        give_back()
        there = {row[0] for row in theirs.query("show databases")}
        self.assertEqual(there & {"shop", "dm_meta", "kept"}, {"kept"}, "only what was claimed goes")

    def test_the_proxy_loses_commits_or_only_their_answers(self) -> None:
        server = self.server("mysql57")
        server.execute("create database d", "create table d.t (id int primary key)")
        proxy = Proxy(server.host, server.port)
        self.addCleanup(proxy.close)
        self.assertTrue(self.insert(proxy, 1))
        proxy.faults.lose_commit_answer = 1
        self.assertFalse(self.insert(proxy, 2), "the client must not see the answer")
        proxy.faults.lose_commit_answer, proxy.faults.lose_commit = 0, 1
        self.assertFalse(self.insert(proxy, 3))
        proxy.faults.lose_commit, proxy.faults.cut_at_commit = 0, 1
        self.assertFalse(self.insert(proxy, 4))
        proxy.faults.cut_at_commit = 0
        self.assertTrue(self.insert(proxy, 5))
        there = {row[0] for row in server.query("select id from d.t")} - {4}
        self.assertEqual(there, {1, 2, 5}, "2 was committed although nobody heard it, 3 never was")
        self.assertEqual(proxy.happened, {"lose_commit_answer": 1, "lose_commit": 1, "cut_at_commit": 1})

    def test_the_proxy_refuses_cuts_and_swallows(self) -> None:
        server = self.server("mysql57")
        server.execute("create database d", "create table d.t (id int primary key)")
        proxy = Proxy(server.host, server.port)
        self.addCleanup(proxy.close)
        connection = self.through(proxy)
        proxy.cut_all()
        self.assertRaises(pymysql.Error, connection.query, "select 1")
        proxy.faults.refuse = True
        self.assertRaises(pymysql.Error, self.through, proxy)
        proxy.faults.refuse = False
        connection = self.through(proxy)
        proxy.faults.blackhole = True
        answered = threading.Event()

        def ask() -> None:
            connection.query("select 1")
            answered.set()

        threading.Thread(target=ask, daemon=True).start()
        self.assertFalse(answered.wait(0.5), "nothing passes a blackhole")
        proxy.faults.blackhole = False
        self.assertTrue(answered.wait(20), "and what was held goes on afterwards")
