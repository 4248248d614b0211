"""Rows and transactions far above every buffer: through the relay and into the target, in bounded memory."""

from __future__ import annotations

import re

import compare
import harness
from scenario import MoverScenario, only_long
from servers import Server

MIB = 1 << 20
ROOMY = ["innodb_log_file_size=1G", "innodb_buffer_pool_size=512M"]  # a BLOB above a tenth of the log is refused
ROOMY_8 = ["innodb_redo_log_capacity=4G", "innodb_buffer_pool_size=512M"]


@only_long
class Big(MoverScenario):
    def source(self, kind: str = "mysql57") -> Server:
        server = self.server(kind, options=ROOMY if kind == "mysql57" else ROOMY_8)
        server.execute("create database big", "create table big.t (id int primary key, v longblob)")
        return server

    def following(self, source: Server, target: Server, **task: object) -> harness.Mover:
        mover = harness.mover(self.folder, {"s1": source}, target, ["big"], task=task)
        self.addCleanup(mover.end)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()),
                   300)
        return mover

    def checksums(self, server: Server) -> list[object]:
        return server.query("select id, length(v), sha2(v, 256) from big.t order by id")

    def below(self, mover: harness.Mover, limit_mib: int) -> None:
        peak = mover.peak_mib()
        print(f"      peak memory {peak} MiB")
        self.assertLess(peak, limit_mib, "MiB of memory at the peak")

    def test_a_row_of_200_mib_into_mysql(self) -> None:
        target, source = self.server("mysql80", options=ROOMY_8), self.source()
        source.execute("insert into big.t values (1, repeat('x', 200 * 1024 * 1024))")
        mover = self.following(source, target)
        self.assertEqual(self.checksums(target), self.checksums(source), "copied")
        source.execute("insert into big.t values (2, repeat('yz', 100 * 1024 * 1024))",
                       "update big.t set v = concat('new', v) where id = 1", "delete from big.t where id = 2",
                       "insert into big.t values (3, repeat('w', 20 * 1024 * 1024))")
        self.until("all rows", lambda: (self.checksums(target) == self.checksums(source), mover.must_run()), 300)
        self.below(mover, 256 + 3 * 2 * 200)  # an update holds two images of the row

    def test_a_row_above_the_limit_of_tidb_pauses_with_the_way_out(self) -> None:
        target, source = self.target_server("tidb", ["big"]), self.source()
        mover = self.following(source, target)
        source.execute("insert into big.t values (1, 'small')", "insert into big.t values (7, repeat('x', 7340032))")
        words = ["8025|entry too large", r"\b7\b", "txn-entry-size-limit"]
        self.until("the pause", lambda: (all(re.search(word, mover.text()) for word in words), mover.tail(8)), 120)
        self.assertEqual(mover.wait(30), 1)
        self.assertEqual(self.checksums(target), self.checksums(source)[:1], "what was before it is there")
        mover.end()
        source.execute("delete from big.t where id = 7")
        document = harness.json.loads(mover.task_file.read_text())
        document["target-database"]["session"] = {"tidb_txn_entry_size_limit": 16 * MIB}
        harness.write_yaml(mover.task_file, document)
        mover.sync()
        self.assertEqual(self.checksums(target), self.checksums(source), "the way out works")

    def test_a_row_of_200_mib_does_not_go_into_tidb_and_says_why(self) -> None:
        target, source = self.target_server("tidb", ["big"]), self.source()
        mover = self.following(source, target)
        source.execute("insert into big.t values (7, repeat('x', 200 * 1024 * 1024))")
        words = ["max_allowed_packet|8025", r"big.*t", r"\b7\b"]
        self.until("the pause", lambda: (all(re.search(word, mover.text()) for word in words), mover.tail(8)), 180)
        self.assertEqual(mover.wait(30), 1)

    def test_a_row_above_the_limit_in_the_copy_says_so(self) -> None:
        target, source = self.target_server("tidb", ["big"]), self.source()
        source.execute("insert into big.t values (1, 'small')", "insert into big.t values (7, repeat('x', 7340032))")
        mover = harness.mover(self.folder, {"s1": source}, target, ["big"])
        self.addCleanup(mover.end)
        mover.start()
        self.until("the pause", lambda: (bool(re.search("8025|entry too large", mover.text())), mover.tail(8)), 120)
        self.assertEqual(mover.wait(30), 1)
        self.assertRegex(mover.text(), "`id` = 7.*(?s:.)*txn-entry-size-limit")

    def transaction(self, server: Server, rows: int, row_bytes: int) -> None:
        with server.connect("big", autocommit=False) as connection, connection.cursor() as cursor:
            for at in range(rows):
                cursor.execute(f"insert into t values ({at}, repeat(char({65 + at % 26}), {row_bytes}))")
            cursor.execute("update t set v = concat(v, 'end') where id < 5")
            connection.commit()

    def test_a_transaction_of_2_gib_in_bounded_memory(self) -> None:
        target, source = self.server("mysql80", options=ROOMY_8), self.source()
        mover = self.following(source, target)
        self.transaction(source, 2048, MIB)
        self.until("all rows", lambda: (target.query("select count(*) from big.t")[0][0] == 2048, mover.must_run()),
                   900)
        self.below(mover, 512)
        mover.sync(600)
        self.assertEqual(self.checksums(target), self.checksums(source))

    def test_a_transaction_above_the_split_size_into_tidb_over_kills(self) -> None:
        target, source = self.target_server("tidb", ["big"]), self.source()
        mover = self.following(source, target, tiderelay={"memory-budget": "16MiB"})
        self.transaction(source, 200, MIB // 2)
        for _ in range(6):
            count = target.query("select count(*) from big.t")[0][0]
            self.until("a part more", lambda: (target.query("select count(*) from big.t")[0][0] not in (count, 0),
                                               mover.must_run()), 120)
            if target.query("select count(*) from big.t")[0][0] >= 200:
                break
            mover.kill()
            mover.start()
        mover.sync(300)
        self.assertEqual(self.checksums(target), self.checksums(source))
