"""binlog-schema: the definitions by which a task reads its source's rows, shown and changed by hand."""

from __future__ import annotations

import json

import harness
from test_daemon import DaemonScenario

AT = ("-s", "mysql-replica-01", "test", "test_db", "test_table")


class Definitions(DaemonScenario):
    def test_a_definition_is_mended_and_holds_over_kill(self) -> None:
        target = self.target_server("mysql57", ["test_db"])  # its SHOW CREATE TABLE leaves defaults out
        source = self.source(0)
        *source_files, task = map(str, self.files([source], target))
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, [source], target)
        self.assertEqual(self.must(daemon, "binlog-schema", "list", "test")["sources"][0]["msg"], "test_db.test_table")
        self.assertIn("not paused", self.refused(daemon, "binlog-schema", "update", *AT, "--from-source"))
        # A column that came without the log's knowledge, on both sides.
        source.execute("set sql_log_bin = 0", "alter table test_db.test_table add column c int")
        target.execute("alter table test_db.test_table add column c int")
        source.execute("insert into test_db.test_table values (9001, 'mended', 7)")
        self.until("the task is paused", lambda: (
            (tasks := daemon.ask("query-status")[1]["tasks"])[0]["taskStatus"].startswith("Error"), tasks))
        self.assertIn("binlog-schema update", json.dumps(daemon.ask("query-status", "test")[1]))
        wrong = self.file("wrong.sql", "create view v as select 1")
        self.assertIn("CREATE TABLE", self.refused(daemon, "binlog-schema", "update", *AT, str(wrong)))
        self.assertIn("nosuch", self.refused(daemon, "binlog-schema", "list", "test", "test_db", "nosuch"))
        right = self.file("right.sql", "create table x (id int primary key, name varchar(30), c int)")
        shown = json.dumps(self.must(daemon, "operate-schema", "set", "test", "-d", "test_db", "-t", "test_table",
                                     str(right)))
        self.assertIn("`c` int", shown)
        daemon.kill()
        daemon.start()  # a task that an error had paused tries again
        self.wait_synced(daemon, [source], target)
        self.assertEqual(target.query("select * from test_db.test_table where id = 9001"), [(9001, "mended", 7)])
        self.must(daemon, "pause-task", "test")
        for how in ([str(right)], ["--from-source"], ["--from-target"]):
            changed = self.must(daemon, "binlog-schema", "update", *AT, *how)["sources"][0]["msg"]
            self.assertIn("`c` int", changed, how)
            self.assertNotIn("_bin", changed, how)  # TiDB's default, not MySQL's
        self.assertIn("`c` int", self.must(daemon, "operate-schema", "get", "-d", "test_db", "-t", "test_table",
                                           "test")["sources"][0]["msg"])
        self.must(daemon, "binlog-schema", "delete", *AT)
        self.must(daemon, "resume-task", "test")
        source.execute("insert into test_db.test_table values (9002, 'by the target''s', 8)")
        self.wait_synced(daemon, [source], target)
