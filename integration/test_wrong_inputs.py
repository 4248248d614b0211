"""Each wrong input gives an error with the place and the way out; none shows a password, none ends with success."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Sequence

import compare
import harness
import servers
from scenario import MoverScenario, only_long
from servers import Server

SECRET = "no-one-may-read-this"


class WrongInputs(MoverScenario):
    def source(self, kind: str = "mysql57", **how: Any) -> Server:
        server = self.server(kind, **how)
        server.execute("create database shop", "create table shop.t (id int primary key, v varchar(10))",
                       "insert into shop.t values (1, 'one'), (2, 'two')")
        return server

    def target(self, kind: str = "mysql80") -> Server:
        return self.target_server(kind, ["shop"])

    def mover(self, source: Server, target: Server, task: dict[str, Any] | None = None, name: str = "mover",
              **changes: Any) -> harness.Mover:
        made = harness.mover(self.folder, {"s1": source}, target, ["shop"], name, task, changes)
        self.addCleanup(made.end)
        return made

    def expect(self, mover: harness.Mover, words: Sequence[str], seconds: float = 90) -> None:
        """Every pattern appears in the output; a process that ended did not end with success."""

        def look() -> tuple[bool, str]:
            text = mover.text()
            lacking = [word for word in words if not re.search(word, text, re.I)]
            if lacking and not mover.running():
                raise AssertionError(f"ended without saying {lacking}:\n{mover.tail()}")
            return not lacking, f"lacks {lacking} in:\n{mover.tail(15)}"

        self.until("the error's text", look, seconds)
        for secret in (SECRET, servers.ROOT_PASSWORD, servers.REPL_PASSWORD):
            self.assertNotIn(secret, mover.text(), "a password was printed")
        if not mover.running():
            self.assertIn(mover.wait(), (1, 2), "failure must not look like success")

    def running_in_the_log(self, source: Server, target: Server, **task: Any) -> harness.Mover:
        mover = self.mover(source, target, task or None).start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()))
        compare.until_equal([source], target, "shop", ["t"])
        return mover

    # -- the source -----------------------------------------------------------------------------------------------

    def test_a_wrong_password(self) -> None:
        source = self.source()
        mover = self.mover(source, self.target(), from_password=SECRET).start()
        self.expect(mover, ["s1", str(source.port), "Access denied", "password"])

    def test_a_wrong_host(self) -> None:
        port = servers.free_port()
        mover = self.mover(self.source(), self.target(), from_port=port).start()
        self.expect(mover, ["s1", str(port), "refused|connect"])

    def account(self, source: Server, rights: str) -> dict[str, str]:
        for host in ("%", servers.HOST):
            source.execute("set sql_log_bin=0", f"create user 'poor'@'{host}' identified by '{SECRET}'",
                           f"grant {rights} to 'poor'@'{host}'")
        return {"from_user": "poor", "from_password": SECRET}

    def test_no_replication_slave_right(self) -> None:
        source = self.source()
        mover = self.mover(source, self.target(), **self.account(source, "select on *.*")).start()
        self.expect(mover, ["s1", "REPLICATION SLAVE", "GRANT"])

    def test_no_select_right(self) -> None:
        source = self.source()
        rights = self.account(source, "replication slave, replication client on *.*")
        self.expect(self.mover(source, self.target(), **rights).start(), ["SELECT", "GRANT|right|denied"])

    def test_the_binlog_is_off(self) -> None:
        source = self.source("mysql80", gtid=False, options=["skip-log-bin", "log_replica_updates=OFF"])
        self.expect(self.mover(source, self.target()).start(), ["s1", "log_bin|binary log|binlog"])

    def test_a_reader_endpoint(self) -> None:
        source = self.source("mysql80", gtid=False, options=["skip-log-bin", "log_replica_updates=OFF"])
        source.execute("set global read_only = 1")
        self.expect(self.mover(source, self.target()).start(), ["s1", "reader|read_only|read-only", "writer"])

    def test_the_binlog_is_not_in_rows(self) -> None:
        source = self.source(options=["binlog_format=STATEMENT"])
        self.expect(self.mover(source, self.target()).start(), ["s1", "binlog_format", "ROW", "SET GLOBAL|parameter"])

    def test_row_images_are_not_full(self) -> None:
        source = self.source(options=["binlog_row_image=MINIMAL"])
        self.expect(self.mover(source, self.target()).start(), ["s1", "binlog_row_image", "FULL"])

    @only_long
    def test_two_receivers_with_one_server_id(self) -> None:
        """MariaDB tells replicas apart by their server ids alone and sends the earlier one away."""
        source = self.source("mariadb")
        first = self.mover(source, self.target(), server_id=4711).start()
        self.until("the first receives", lambda: (bool(source.query(
            "select 1 from information_schema.processlist where command like 'Binlog Dump%%'")), first.must_run()))
        second = self.mover(source, self.target(), name="second", server_id=4711).start()
        self.until("one of them says so", lambda: (
            "another replica uses this server id" in first.text() + second.text(), first.tail(5) + second.tail(5)), 90)

    def test_purged_binlogs(self) -> None:
        source, target = self.source(), self.target()
        mover = self.running_in_the_log(source, target)
        mover.stop()
        for _ in range(3):
            source.execute("insert into shop.t select max(id) + 1, 'more' from shop.t", "flush logs")
        last = source.query("show binary logs")[-1][0]
        source.execute(f"purge binary logs to '{last}'")
        self.expect(mover.start(), ["s1", "purged|no longer|gone", "remove-meta|anew|again|copy"])

    # -- the target -----------------------------------------------------------------------------------------------

    def test_the_target_is_down(self) -> None:
        target = self.target()
        target.kill()
        self.expect(self.mover(self.source(), target).start(), [str(target.port), "refused|connect"])

    def test_the_target_account_may_not_write(self) -> None:
        target = self.target()
        for host in ("%", servers.HOST):
            target.execute(f"create user 'poor'@'{host}' identified by '{SECRET}'",
                           f"grant select on *.* to 'poor'@'{host}'")
        database = {"host": target.host, "port": target.port, "user": "poor", "password": SECRET}
        mover = self.mover(self.source(), target, {"target-database": database}).start()
        self.expect(mover, ["denied", "GRANT|right|privilege", "poor"])

    def test_a_row_of_the_target_was_deleted_by_hand(self) -> None:
        self.a_row_is_missing("mysql80")

    @only_long
    def test_a_row_of_tidb_was_deleted_by_hand(self) -> None:
        self.a_row_is_missing("tidb")

    def a_row_is_missing(self, target_kind: str) -> None:
        source, target = self.source(), self.target(target_kind)
        mover = self.running_in_the_log(source, target)
        target.execute("delete from shop.t where id = 2")
        source.execute("update shop.t set v = 'new' where id = 2")
        self.expect(mover, ["shop.*t", r"\b2\b", "no row|missing|met 0 rows", "on-missing-row|resume|skip"])

    def test_a_row_of_the_target_was_added_by_hand(self) -> None:
        self.a_row_is_there_already("mysql80")

    @only_long
    def test_a_row_of_tidb_was_added_by_hand(self) -> None:
        self.a_row_is_there_already("tidb")

    def a_row_is_there_already(self, target_kind: str) -> None:
        source, target = self.source(), self.target(target_kind)
        mover = self.running_in_the_log(source, target)
        target.execute("insert into shop.t values (3, 'mine')")
        source.execute("insert into shop.t values (3, 'source')")
        self.expect(mover, ["shop.*t", "duplicate|already|1062", r"\b3\b"])
        self.assertEqual(target.query("select v from shop.t where id = 3"), [("mine",)], "it was not overwritten")
        target.execute("delete from shop.t where id = 3")
        mover.end()
        mover.sync()
        self.assertEqual(compare.differences([source], target, "shop", ["t"]), "", "the way out works")

    def test_a_value_that_the_target_refuses(self) -> None:
        self.a_value_is_refused("mysql80")

    @only_long
    def test_a_value_that_tidb_refuses(self) -> None:
        self.a_value_is_refused("tidb")

    def a_value_is_refused(self, target_kind: str) -> None:
        source, target = self.source(), self.target(target_kind)
        mover = self.running_in_the_log(source, target)
        target.execute("alter table shop.t modify v varchar(3)")
        source.execute("insert into shop.t values (9, 'too long')")
        self.expect(mover, ["shop.*t", "too long|1406", r"\bv\b"])

    def changed_by_hand(self, target_kind: str, change: str, back: str, words: Sequence[str]) -> None:
        source, target = self.source(), self.target(target_kind)
        mover = self.running_in_the_log(source, target)
        target.execute(change)
        source.execute("insert into shop.t values (20, 'after')")
        self.expect(mover, words)
        mover.end()
        target.execute(back)
        mover.sync()
        self.assertEqual(compare.differences([source], target, "shop", ["t"]), "", "the way out works")

    def test_a_column_of_the_target_was_renamed_by_hand(self) -> None:
        self.changed_by_hand("mysql80", "alter table shop.t change v w varchar(10)",
                             "alter table shop.t change w v varchar(10)",
                             ["shop.*t", r"\bv\b"])

    @only_long
    def test_a_table_of_the_target_was_renamed_by_hand(self) -> None:
        self.changed_by_hand("mysql80", "rename table shop.t to shop.gone", "rename table shop.gone to shop.t",
                             ["shop.*t", "no table|doesn't exist|not exist", "create it|make it|rename|resume"])

    @only_long
    def test_a_table_of_tidb_was_renamed_by_hand(self) -> None:
        self.changed_by_hand("tidb", "rename table shop.t to shop.gone", "rename table shop.gone to shop.t",
                             ["shop.*t", "no table|doesn't exist|not exist", "create it|make it|rename|resume"])

    @only_long
    def test_a_trigger_was_made_in_the_target(self) -> None:
        source, target = self.source(), self.target()
        mover = self.running_in_the_log(source, target)
        mover.stop()
        target.execute("create trigger shop.hand before insert on shop.t for each row set new.v = 'hand'")
        self.expect(mover.start(), ["trigger", "hand", "DROP TRIGGER"])

    # -- the disk -------------------------------------------------------------------------------------------------

    def behind(self, source: Server, target: Server, *more: str) -> tuple[harness.Mover, int]:
        """A relay log that holds more than the target has: the mover was killed before it could apply it. Gives the
        offset that is applied."""
        mover = self.running_in_the_log(source, target)
        target.pause()
        applied = harness.relay_files(mover.data, "s1")[-1].stat().st_size
        for at in range(100, 160):
            source.execute(f"insert into shop.t values ({at}, 'later')")
        source.execute(*more, "insert into shop.t values (90, 'last')")
        name, offset = source.query("show master status")[0][:2]
        self.until("the log is here", lambda: (
            (last := harness.relay_files(mover.data, "s1")[-1]).name == name and last.stat().st_size >= offset, last))
        mover.kill()
        target.resume()
        return mover, applied

    @only_long
    def test_a_relay_log_cut_at_its_end_is_fetched_again(self) -> None:
        source, target = self.source(), self.target()
        mover, applied = self.behind(source, target)
        log = harness.relay_files(mover.data, "s1")[-1]
        os.truncate(log, (applied + log.stat().st_size) // 2)
        mover.sync()
        self.assertEqual(compare.differences([source], target, "shop", ["t"]), "")

    @staticmethod
    def corrupt(log: Path, begin: int) -> bytes:
        """Changes one byte in the middle behind `begin`; what was there before."""
        good = log.read_bytes()
        middle = (begin + len(good)) // 2
        log.write_bytes(good[:middle] + bytes([good[middle] ^ 0xff]) + good[middle + 1:])
        return good

    @only_long
    def test_a_byte_changed_in_the_open_file_is_fetched_again(self) -> None:
        source, target = self.source(), self.target()
        mover, applied = self.behind(source, target)
        log = harness.relay_files(mover.data, "s1")[-1]
        good = self.corrupt(log, applied)
        mover.sync()
        self.assertRegex(mover.text(), f"{log.name}.*does not match its checksum.*fetched again")
        self.assertEqual(log.read_bytes()[:len(good)], good)
        self.assertEqual(compare.differences([source], target, "shop", ["t"]), "")

    def test_a_byte_changed_in_a_closed_file_is_named(self) -> None:
        source, target = self.source(), self.target()
        mover, applied = self.behind(source, target, "flush logs")
        log = harness.relay_files(mover.data, "s1")[0]
        self.corrupt(log, applied)
        self.expect(mover.start(), [log.name, "checksum|corrupt|crc", "remove .*sources/s1.*relay-binlog-name"])
        mover.end()
        shutil.rmtree(mover.data / "sources/s1")
        document = harness.source_document("s1", source, relay_binlog_name=log.name)
        harness.write_yaml(mover.source_files[0], document)
        mover.sync()
        self.assertEqual(compare.differences([source], target, "shop", ["t"]), "", "the way out works")

    def test_the_disk_is_full(self) -> None:
        source, target = self.source(), self.target()
        mover = self.mover(source, target)
        mover.data.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mover.data]).returncode != 0:
            self.skipTest("only root can mount a small disk")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", mover.data], check=True))
        self.addCleanup(mover.end)
        self.expect(mover.start(), ["the disk has .* bytes free, less than the .* to keep", "make room"])
        self.assertEqual(mover.wait(30), 1)
        subprocess.run(["mount", "-o", "remount,size=280m", mover.data], check=True)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()))
        source.execute("create table shop.large (id int primary key, v mediumblob)",
                       *[f"insert into shop.large values ({at}, repeat('x', 1000000))" for at in range(50)])
        self.expect(mover, ["receiving stops: the disk has .* bytes free"])
        mover.must_run()
        subprocess.run(["mount", "-o", "remount,size=500m", mover.data], check=True)
        compare.until_equal([source], target, "shop", ["t", "large"])
        self.expect(mover, ["there is room again"])

    # -- the files ------------------------------------------------------------------------------------------------

    def test_unknown_keys_name_the_nearest(self) -> None:
        mover = self.mover(self.source(), self.target(), {"task-mod": "all"}).start()
        self.expect(mover, ["task.yaml", "task-mod", "task-mode"])
        self.assertEqual(mover.wait(), 2, "wrong configuration is exit code 2")

    def test_an_unknown_key_of_a_source(self) -> None:
        mover = self.mover(self.source(), self.target(), server_idd=3).start()
        self.expect(mover, ["s1.yaml", "server-idd", "server-id"])
        self.assertEqual(mover.wait(), 2)

    def test_a_task_names_a_source_that_is_not_given(self) -> None:
        instances = [{"source-id": "other"}]
        mover = self.mover(self.source(), self.target(), {"mysql-instances": instances}).start()
        self.expect(mover, ["other"])
        self.assertEqual(mover.wait(), 2)

    def test_a_second_process_on_the_same_data(self) -> None:
        source, target = self.source(), self.target()
        first = self.running_in_the_log(source, target)
        second = harness.Mover.__new__(harness.Mover)
        second.__dict__.update(first.__dict__, process=None, starts=100)
        self.addCleanup(second.end)
        second.start()
        self.expect(second, ["data", "lock|in use|another process|already"])
        self.assertIn(second.wait(30), (1, 2))
        first.must_run()
