"""Servers with settings of their own: what they say globally must not change what is read, written or understood."""

from __future__ import annotations

from typing import Sequence

import compare
import harness
import workload
from scenario import LONG, MoverScenario, only_long
from waiting import pause

TABLES = [*workload.TABLES, "late"]
IDLE_SECONDS = 12  # longer than the servers' wait_timeout


class Settings(MoverScenario):
    def move(self, kind: str, target_kind: str, options: Sequence[str], target_sql: Sequence[str]) -> None:
        target = self.target_server(target_kind, [workload.SCHEMA])
        target.execute(*target_sql)
        source = self.server(kind, durable=True, options=options)
        workload.create_tables(source)
        workload.Writer(source, 3).write(300)
        mover = harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA])
        self.addCleanup(mover.end)
        writer = workload.Writer(source, 4)
        writer.start()
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()), 60)
        source.execute(f"create table {workload.SCHEMA}.late (id int primary key, ts timestamp default '2020-01-01')",
                       f"insert into {workload.SCHEMA}.late (id) values (1)")
        writer.stop()
        if LONG:
            pause(IDLE_SECONDS)
        workload.Writer(source, 5).write(50)
        mover.sync()
        self.assertEqual(compare.differences([source], target, workload.SCHEMA, TABLES), "")

    def test_ansi_quotes_zones_and_short_patience_into_tidb(self) -> None:
        self.move("mysql57", "tidb", (
            "sql_mode=ANSI,NO_BACKSLASH_ESCAPES", "character_set_server=latin1", "default_time_zone=+08:00",
            "wait_timeout=5", "interactive_timeout=5", "net_write_timeout=3", "binlog_checksum=NONE",
            "binlog_rows_query_log_events=ON", "max_allowed_packet=1M", "autocommit=0", "completion_type=CHAIN"), (
            "set global sql_mode=''", "set global time_zone='+09:00'", "set global tidb_txn_mode='optimistic'",
            "set global max_allowed_packet=1048576", "set global wait_timeout=5",
            "set global tidb_constraint_check_in_place=1", "set global autocommit=0"))

    @only_long
    def test_padded_compressed_and_serializable_into_mysql(self) -> None:
        self.move("mysql80", "mysql80", (
            "sql_mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES", "transaction_isolation=SERIALIZABLE",
            "binlog_row_metadata=FULL", "binlog_transaction_compression=ON", "max_binlog_size=64K", "wait_timeout=5"), (
            "set global sql_mode='PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
            "set global time_zone='-05:00'", "set global transaction_isolation='READ-COMMITTED'",
            "set global max_allowed_packet=1048576", "set global wait_timeout=5",
            "set global innodb_lock_wait_timeout=2", "set global autocommit=0", "set global local_infile=0"))

    @only_long
    def test_mariadb_with_ansi_quotes_and_small_files_into_tidb(self) -> None:
        self.move("mariadb", "tidb", (
            "sql_mode=ANSI_QUOTES", "character_set_server=utf8mb3", "default_time_zone=+05:30", "wait_timeout=5",
            "max_binlog_size=64K", "gtid_strict_mode=ON"), ())
