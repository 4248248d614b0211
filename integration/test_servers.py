"""The servers themselves are what the other scenarios take them for."""

from __future__ import annotations

import pymysql

import servers
from scenario import Scenario, only_long


class Servers(Scenario):
    def check(self, kind: str) -> None:
        server = self.server(kind)
        server.execute("create database d", "create table d.t (id int primary key, v varchar(20))",
                       "insert into d.t values (1, 'one')")
        server.kill()
        server.start()
        self.assertEqual(server.query("select * from d.t"), [(1, "one")], "rows survive kill -9")
        server.execute("insert into d.t values (2, 'two')")
        server.restart()
        self.assertEqual(server.query("select count(*) from d.t"), [(2,)], "rows survive a restart")

    def check_source(self, kind: str) -> None:
        self.check(kind)
        server = self.server(kind, gtid=False, durable=True)
        variables = dict(server.query("show global variables"))
        self.assertEqual(variables["binlog_format"], "ROW")
        self.assertEqual(variables["sync_binlog"], "1")
        if kind in servers.MYSQL_KINDS:
            self.assertEqual(variables["gtid_mode"], "OFF")
        for user, password in (("root", servers.ROOT_PASSWORD), ("repl", servers.REPL_PASSWORD)):
            connection = pymysql.connect(host=servers.HOST, port=server.port, user=user, password=password)
            with connection.cursor() as cursor:
                cursor.execute("select current_user()")
                self.assertTrue(cursor.fetchone()[0].startswith(user + "@"))
            connection.close()

    @only_long
    def test_mysql_5_6_is_a_source(self) -> None:
        self.check_source("mysql56")

    def test_mysql_5_7_is_a_source(self) -> None:
        self.check_source("mysql57")

    def test_mysql_8_0_is_a_source(self) -> None:
        self.check_source("mysql80")

    @only_long
    def test_mysql_9_7_is_a_source(self) -> None:
        self.check_source("mysql97")

    def test_mariadb_is_a_source(self) -> None:
        self.check_source("mariadb")

    def test_tidb_keeps_its_rows_over_a_restart(self) -> None:
        server = self.server("tidb")
        server.execute("create database d", "create table d.t (id int primary key)", "insert into d.t values (1)")
        if not isinstance(server, servers.RunningTidb):
            server.restart()
        self.assertEqual(server.query("select * from d.t"), [(1,)])
        server.execute("drop database d")

    @only_long
    def test_a_server_that_does_not_start_is_a_failure_and_no_skip(self) -> None:
        for kind in ("mysql56", "mysql57"):
            with self.assertRaises(servers.StartFailed) as caught:
                self.server(kind, options=["no-such-option=1"])
            self.assertIn("no-such-option", str(caught.exception), "the log is in the text")

    @only_long
    def test_another_process_of_the_same_id_is_not_ours(self) -> None:
        server = self.server("mysql57")
        self.assertTrue(server.alive())
        server.facts["start_time"] += 1
        self.assertFalse(server.alive())
        server.facts["start_time"] -= 1

    @only_long
    def test_two_servers_have_two_identities(self) -> None:
        first, second = self.server("mysql57"), self.server("mysql57")
        self.assertNotEqual(first.query("select @@server_uuid"), second.query("select @@server_uuid"))
        self.assertNotEqual(first.query("select @@server_id"), second.query("select @@server_id"))
