"""Random schemas, rows and statements against a target whose commits are lost, late and unknown, under kill -9."""

from __future__ import annotations

import os
import random

import adversary
import compare
import harness
from proxy import Proxy
from scenario import LONG, MoverScenario, only_long
from servers import Server
from waiting import pause

SEEDS = [int(word) for word in os.environ.get("TIDERELAY_ADVERSARY", "1").split(",")]
ROUNDS = int(os.environ.get("TIDERELAY_ROUNDS", "4"))


class Random(MoverScenario):
    def tables_of(self, server: Server) -> list[tuple[str, str]]:
        marks = ", ".join(["%s"] * len(adversary.SCHEMAS))
        return list(server.query(f"select table_schema, table_name from information_schema.tables where table_schema"
                                 f" in ({marks}) order by 1, 2", adversary.SCHEMAS))

    def check_equal(self, source: Server, target: Server, what: str) -> None:
        self.assertEqual(self.tables_of(target), self.tables_of(source), what)
        for schema, table in self.tables_of(source):
            self.assertEqual(compare.table_difference([source], target, schema, table), "", f"{what}: {schema}.{table}")
            names = [name for name, _ in compare.columns(source, schema, table)]
            self.assertEqual([name for name, _ in compare.columns(target, schema, table)], names, what)

    def attack(self, source_kind: str, target_kind: str, seed: int, gtid: bool = True) -> None:
        draw = random.Random(seed)
        target = self.target_server(target_kind, list(adversary.SCHEMAS))
        proxy = Proxy(target.host, target.port, seed)
        self.addCleanup(proxy.close)
        source = self.server(source_kind, durable=True, gtid=gtid)
        writer = adversary.Adversary(source, seed, statements=False).begin()
        writer.start()
        pause(1)
        mover = harness.mover(self.folder, {"s1": source}, target, adversary.SCHEMAS, task={
            "target-database": {"host": proxy.host, "port": proxy.port, "user": target.user,
                                "password": target.password}})
        self.addCleanup(mover.end)
        faults = proxy.faults
        for round_ in range(ROUNDS * (2 if LONG else 1)):
            faults.lose_commit_answer = faults.lose_commit = faults.cut_at_commit = faults.late_commit = 0.05
            faults.late_seconds = draw.choice((0.1, 0.7, 1.5))
            for _ in range(draw.randrange(1, 4)):
                mover.kill_at_random(draw, 4.0)
            writer.stop()
            if draw.randrange(2):
                faults.lose_commit_answer = faults.lose_commit = faults.cut_at_commit = faults.late_commit = 0
            mover.sync(300)
            self.check_equal(source, target, f"seed {seed}, round {round_}")
            print(f"      seed {seed} round {round_}: {writer.transactions} transactions, {writer.changes} statements,"
                  f" {writer.refused} refused, {dict(proxy.happened)}", flush=True)
            writer = writer.again(seed * 1000 + round_)
            writer.start()
        writer.stop()

    @only_long
    def test_mysql_8_0_into_tidb(self) -> None:
        for seed in SEEDS:
            self.attack("mysql80", "tidb", seed)

    @only_long
    def test_mysql_5_7_into_mysql_by_position(self) -> None:
        for seed in SEEDS:
            self.attack("mysql57", "mysql80", seed, gtid=False)

    @only_long
    def test_mysql_5_6_into_tidb(self) -> None:
        for seed in SEEDS:
            self.attack("mysql56", "tidb", seed)

    @only_long
    def test_mariadb_into_tidb(self) -> None:
        for seed in SEEDS:
            self.attack("mariadb", "tidb", seed)
