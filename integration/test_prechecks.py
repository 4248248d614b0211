"""tiderelay check on real servers: each check made to fail, then mended as its text says; nothing is left behind."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Mapping, Sequence

import harness
import servers
from scenario import MoverScenario, only_long
from servers import Server


class Prechecks(MoverScenario):
    def make_source(self, kind: str = "mysql80", **how: Any) -> Server:
        source = self.server(kind, **how)
        source.execute("create database shop", "create table shop.t (id int primary key, v varchar(10))",
                       "insert into shop.t values (1, 'one')")
        return source

    def check(self, source: Server, target: Server, task: Mapping[str, Any] | None = None,
              **changes: Any) -> tuple[int, dict[str, Any]]:
        """Exit code, and the answer; it is JSON whatever it says."""
        files = [harness.write_yaml(self.folder / "s1.yaml", harness.source_document("s1", source, **changes)),
                 harness.write_yaml(self.folder / "task.yaml",
                                    harness.task_document("checked", target, ["s1"], ["shop"], task))]
        done = subprocess.run([str(harness.BINARY), "check", "--source", str(files[0]), "--task", str(files[1]),
                               "--data-dir", str(self.folder), "--warn", "100", "--error", "100"],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.stderr, "", done.stdout)
        return done.returncode, json.loads(done.stdout)

    @staticmethod
    def rows(answer: Mapping[str, Any], state: str) -> dict[str, str]:
        """Rows of a state by their name, each with all its texts."""
        return {row["name"]: json.dumps(row) for row in answer["checkResult"]["results"] if row["state"] == state}

    def expect(self, source: Server, target: Server, name: str, words: Sequence[str], mend: Sequence[str],
               state: str = "fail", where: Server | None = None, **changes: Any) -> None:
        """The named row has the state and the words; after the statements that it names it passes."""
        code, answer = self.check(source, target, **changes)
        rows = self.rows(answer, state)
        self.assertIn(name, rows, json.dumps(answer, indent=1))
        for word in words:
            self.assertIn(word, rows[name])
        self.assertEqual(code, 1 if state == "fail" else 0)
        (where or source).execute(*mend)
        code, answer = self.check(source, target, **changes)
        self.assertNotIn(name, self.rows(answer, state), "mended as the text says")
        self.assertEqual((code, answer["checkResult"]["summary"]["passed"]), (0, True), json.dumps(answer, indent=1))

    def account(self, server: Server, rights: Sequence[str]) -> dict[str, str]:
        for host in ("%", servers.HOST):
            server.execute(f"create user 'poor'@'{host}' identified by 'poor-secret'",
                           *[f"grant {right} to 'poor'@'{host}'" for right in rights])
        return {"from_user": "poor", "from_password": "poor-secret"}

    def grant(self, right: str) -> list[str]:
        return [f"grant {right} to 'poor'@'{host}'" for host in ("%", servers.HOST)]

    def test_a_healthy_pair_passes_and_nothing_is_left_in_the_target(self) -> None:
        target = self.target_server("tidb", ["shop"])
        code, answer = self.check(self.make_source(), target)
        self.assertEqual((code, answer["result"]), (0, True), json.dumps(answer, indent=1))
        schemas = {row[0].lower() for row in target.query("show databases")}
        self.assertFalse(schemas & {"dm_meta", "shop"}, "the checks made something")

    def test_settings_of_the_source(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        source.execute("set global binlog_row_image = MINIMAL")
        self.expect(source, target, "mysql_binlog_row_image", ["MINIMAL", "FULL"],
                    ["set global binlog_row_image = FULL"])
        source.execute("set global binlog_format = STATEMENT")
        self.expect(source, target, "mysql_binlog_format", ["STATEMENT", "ROW"], ["set global binlog_format = ROW"])
        source.execute("set global binlog_row_value_options = PARTIAL_JSON")
        self.expect(source, target, "binlog event form checker", ["PARTIAL_JSON"],
                    ["set global binlog_row_value_options = ''"])
        source.execute("set global binlog_expire_logs_seconds = 60")
        self.expect(source, target, "binlog retention checker", ["60 s", "SET GLOBAL binlog_expire_logs_seconds"],
                    ["set global binlog_expire_logs_seconds = 7200"], state="warn")

    def test_rights_at_the_source_are_asked_for_by_using_them(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        poor = self.account(source, ["select on shop.*"])
        code, answer = self.check(source, target, **poor)
        self.assertEqual(code, 1)
        row = self.rows(answer, "fail")["source db replication privilege checker"]
        for word in ("REPLICATION CLIENT", "REPLICATION SLAVE", "GRANT"):
            self.assertIn(word, row)
        self.expect(source, target, "source db replication privilege checker", ["GRANT REPLICATION SLAVE"],
                    self.grant("replication slave, replication client on *.*"), **poor)

    def test_a_table_without_key_needs_a_lock_and_says_so(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        source.execute("create table shop.keyless (v int)")
        poor = self.account(source, ["select on shop.*", "replication slave, replication client on *.*"])
        self.expect(source, target, "source db dump privilege checker", ["LOCK TABLES", "--no-locks"],
                    self.grant("lock tables on shop.*"), **poor)

    def test_rights_at_the_target(self) -> None:
        for kind in ("mysql80", "tidb"):
            with self.subTest(kind):
                source = self.make_source()
                target = self.target_server(kind, ["shop"])
                hosts = ("%",) if kind == "tidb" else ("%", servers.HOST)
                for host in hosts:
                    target.execute(f"create user 'poor'@'{host}' identified by 'poor-secret'",
                                   f"grant all on dm_meta.* to 'poor'@'{host}'")
                task = {"target-database": {"host": target.host, "port": target.port, "user": "poor",
                                            "password": "poor-secret"}}
                mend = [f"grant all on shop.* to 'poor'@'{host}'" for host in hosts]
                self.expect(source, target, "target db privilege checker", ["GRANT CREATE ON `shop`.*", "denied"],
                            mend, where=target, task=task)
                there = {row[0].lower() for row in target.query("show databases")}
                self.assertFalse(there & {"dm_meta", "shop"}, "asking makes nothing")

    def test_triggers_of_the_target_and_its_other_tables(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        target.execute("create database shop", "create table shop.t (id int primary key, v varchar(10))",
                       "create trigger shop.copies before insert on shop.t for each row set new.v = 'x'")
        self.expect(source, target, "target trigger checker", ["copies", "DROP TRIGGER"],
                    ["drop trigger shop.copies"], where=target)
        target.execute("alter table shop.t drop column v")
        self.expect(source, target, "table structure compatibility check", ["v"],
                    ["alter table shop.t add column v varchar(10)"], where=target)

    def test_cascades_are_refused_where_the_log_lacks_them(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source("mysql57")
        source.execute("create table shop.child (id int primary key, up int, constraint goes foreign key (up)"
                       " references shop.t (id) on delete cascade)")
        self.expect(source, target, "cascading foreign key checker", ["goes ON DELETE CASCADE", "RESTRICT"],
                    ["alter table shop.child drop foreign key goes"])

    def test_cascades_of_9_7_are_in_the_log(self) -> None:
        target = self.target_server("mysql80", ["shop"])
        source = self.make_source("mysql97")
        source.execute("create table shop.child (id int primary key, up int, constraint goes foreign key (up)"
                       " references shop.t (id) on delete cascade)")
        _, answer = self.check(source, target)
        self.assertNotIn("cascading foreign key checker", self.rows(answer, "fail"))

    @only_long
    def test_cascades_of_9_7_with_foreign_keys_of_innodb_are_not(self) -> None:
        target = self.target_server("mysql80", ["shop"])
        source = self.make_source("mysql97", options=["innodb_native_foreign_keys=ON"])
        source.execute("create table shop.child (id int primary key, up int, constraint goes foreign key (up)"
                       " references shop.t (id) on delete cascade)")
        _, answer = self.check(source, target)
        self.assertIn("innodb_native_foreign_keys=OFF", self.rows(answer, "fail")["cascading foreign key checker"])

    def test_a_place_that_the_log_no_longer_has(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        task = harness.task_document("checked", target, ["s1"], ["shop"], {"task-mode": "incremental"})
        task["mysql-instances"][0]["meta"] = {"binlog-name": "binlog.000099", "binlog-pos": 4}
        code, answer = self.check(source, target, task)
        self.assertEqual(code, 1)
        self.assertIn("binlog.000099", self.rows(answer, "fail")["meta position check"])
        last = source.query("show binary logs")[-1][0]
        task["mysql-instances"][0]["meta"] = {"binlog-name": last, "binlog-pos": 4}
        self.assertEqual(self.check(source, target, task)[0], 0)

    def test_ignored_items_are_shown_as_skipped(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        source.execute("set global binlog_row_image = MINIMAL")
        _, answer = self.check(source, target, {"ignore-checking-items": ["binlog_row_image"]})
        self.assertIn("skipped by configuration", json.dumps(answer))
        self.assertNotIn("mysql_binlog_row_image", self.rows(answer, "fail"))

    def test_run_stops_at_what_fails_and_goes_on_when_it_is_mended(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        source.execute("set global binlog_row_image = MINIMAL")
        mover = harness.mover(self.folder, {"s1": source}, target, ["shop"])
        self.addCleanup(mover.end)
        self.assertEqual(mover.start().wait(60), 1, mover.tail())
        self.assertIn("binlog_row_image is MINIMAL", mover.text())
        self.assertEqual(harness.phases(target, "mover"), {}, "nothing has begun")
        source.execute("set global binlog_row_image = FULL")
        mover.sync()

    def test_a_key_file_of_a_ca_is_used(self) -> None:
        target, source = self.target_server("mysql80", ["shop"]), self.make_source()
        authority = source.home / "data" / "ca.pem"
        _, answer = self.check(source, target, from_security={"ssl-ca": str(authority)})
        self.assertNotIn("source db connection", self.rows(answer, "fail"), json.dumps(answer, indent=1))
