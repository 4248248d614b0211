"""kill -9 at random moments, in the full phase and in the log, with every kind of key: no row lost, none doubled."""

from __future__ import annotations

import random

import compare
import harness
import workload
from proxy import Proxy
from scenario import LONG, MoverScenario, only_long
from servers import Server
from waiting import pause

KILLS = 50 if LONG else 10
TABLES = list(workload.TABLES)


class Crashes(MoverScenario):
    seed = 20240229

    def filled_source(self, kind: str, rows: int = 20000, **how: object) -> Server:
        source = self.server(kind, durable=True, **how)
        workload.create_tables(source)
        with source.connect(workload.SCHEMA) as connection, connection.cursor() as cursor:
            for table, rest in (("keyed", (1, 1.5, "before", None)), ("unique_only", ("before", 0.5)),
                                ("keyless", ("before", 0.5, None))):
                marks = ", ".join(["%s"] * (1 + len(rest)))  # marks alone: only then PyMySQL sends many rows at once
                cursor.executemany(f"insert into {table} values ({marks})",
                                   [(10**6 + at, *rest) for at in range(rows // 20 if table == "keyless" else rows)])
        workload.Writer(source, self.seed).write(300)
        return source

    def check_equal(self, sources: list[Server], target: Server) -> None:
        self.assertEqual(compare.differences(sources, target, workload.SCHEMA, TABLES), "")

    def kill_in_the_copy(self, mover: harness.Mover, target: Server, draw: random.Random) -> str:
        """Random moments alone may all come after a copy that is quick: the first kill comes with its beginning."""
        mover.start()
        self.until("the copy's beginning", lambda: ("s1" in harness.phases(target, "mover"), mover.must_run()), 60)
        pause(draw.uniform(0, 0.1))
        mover.kill()
        return harness.phases(target, "mover").get("s1", "none")

    def kill_often(self, source_kind: str, target_kind: str, kills: int = KILLS, gtid: bool = True) -> None:
        target = self.target_server(target_kind, [workload.SCHEMA])
        source = self.filled_source(source_kind, gtid=gtid)
        mover = harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA])
        self.addCleanup(mover.end)
        draw = random.Random(self.seed)
        writer = workload.Writer(source, self.seed + 1)
        writer.start()
        phases: list[str] = [self.kill_in_the_copy(mover, target, draw)]
        for _ in range(kills - 1):
            mover.kill_at_random(draw, 4.0)
            phases.append(harness.phases(target, "mover").get("s1", "none"))
        writer.stop()
        mover.sync(400)
        self.check_equal([source], target)
        print(f"      killed in: {phases}; {writer.transactions} transactions")
        self.assertTrue({"new", "full"} & set(phases), f"no kill fell into the full phase: {phases}")
        self.assertIn("sync", phases, "no kill fell into the log")

    def test_kill_9_at_random_moments_into_tidb(self) -> None:
        self.kill_often("mysql57", "tidb")

    def test_kill_9_at_random_moments_into_mysql(self) -> None:
        self.kill_often("mysql80", "mysql80")

    @only_long
    def test_kill_9_with_positions_instead_of_gtids(self) -> None:
        self.kill_often("mysql57", "mysql80", gtid=False)

    @only_long
    def test_kill_9_with_mariadb(self) -> None:
        self.kill_often("mariadb", "mysql80")

    def in_the_log(self, target: Server, through: Proxy | None = None) -> tuple[Server, harness.Mover]:
        """A mover that is past the full phase; `through` stands between it and the target."""
        source = self.filled_source("mysql57", rows=500)
        changes = {}
        if through:
            changes["target-database"] = {"host": through.host, "port": through.port, "user": target.user,
                                          "password": target.password}
        mover = harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA], task=changes)
        self.addCleanup(mover.end)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()),
                   120)
        return source, mover

    def lose_commits(self, target_kind: str) -> None:
        target = self.target_server(target_kind, [workload.SCHEMA])
        proxy = Proxy(target.host, target.port, self.seed)
        self.addCleanup(proxy.close)
        source, mover = self.in_the_log(target, proxy)
        writer = workload.Writer(source, self.seed)
        writer.start()
        proxy.faults.lose_commit_answer = proxy.faults.lose_commit = proxy.faults.cut_at_commit = 0.1
        enough = 30 if LONG else 8
        kinds = ("lose_commit_answer", "lose_commit", "cut_at_commit")
        self.until("each fault happened often", lambda: (
            all(proxy.happened[kind] >= enough for kind in kinds), (dict(proxy.happened), mover.must_run())), 240)
        proxy.faults.lose_commit_answer = proxy.faults.lose_commit = proxy.faults.cut_at_commit = 0
        writer.stop()
        mover.sync()
        self.check_equal([source], target)

    @only_long
    def test_lost_commit_answers_on_tidb(self) -> None:
        self.lose_commits("tidb")

    def test_lost_commit_answers_on_mysql(self) -> None:
        self.lose_commits("mysql80")

    @only_long
    def test_connections_cut_anywhere(self) -> None:
        target = self.server("mysql80")
        proxy = Proxy(target.host, target.port, self.seed)
        self.addCleanup(proxy.close)
        source, mover = self.in_the_log(target, proxy)
        writer = workload.Writer(source, self.seed)
        writer.start()
        proxy.faults.cut_after_bytes = 60_000
        proxy.cut_all()
        self.until("many cuts", lambda: (proxy.happened["cut_after_bytes"] >= 20, (dict(proxy.happened),
                                                                                   mover.must_run())), 240)
        proxy.faults.cut_after_bytes = 0
        writer.stop()
        mover.sync()
        self.check_equal([source], target)

    @only_long
    def test_the_target_is_killed_and_comes_back(self) -> None:
        target = self.server("mysql80", durable=True)
        source, mover = self.in_the_log(target)
        writer = workload.Writer(source, self.seed)
        writer.start()
        for _ in range(6 if LONG else 2):
            before = writer.transactions
            target.kill()
            self.until("the source goes on", lambda: (writer.transactions > before + 100, writer.transactions))
            mover.must_run()
            target.start()
        writer.stop()
        mover.must_run()
        compare.until_equal([source], target, workload.SCHEMA, TABLES, 240)
        mover.stop()

    @only_long
    def test_the_source_is_killed_and_comes_back(self) -> None:
        target = self.server("mysql80")
        source, mover = self.in_the_log(target)
        writer = workload.Writer(source, self.seed)
        writer.start()
        for _ in range(6 if LONG else 2):
            before = writer.transactions
            self.until("the source is written to", lambda: (writer.transactions > before + 100, writer.transactions))
            source.kill()
            source.start()
        writer.stop()
        mover.must_run()
        compare.until_equal([source], target, workload.SCHEMA, TABLES, 240)
        mover.stop()
