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
    def test_kill_9_with_mysql_8_0_into_tidb(self) -> None:
        self.kill_often("mysql80", "tidb")

    @only_long
    def test_kill_9_with_mysql_5_6_into_tidb(self) -> None:
        self.kill_often("mysql56", "tidb")

    @only_long
    def test_kill_9_with_mysql_9_7_into_tidb(self) -> None:
        self.kill_often("mysql97", "tidb")

    @only_long
    def test_kill_9_with_mariadb_into_tidb(self) -> None:
        self.kill_often("mariadb", "tidb")

    @only_long
    def test_kill_9_with_mysql_5_6_into_mysql(self) -> None:
        self.kill_often("mysql56", "mysql80")

    @only_long
    def test_kill_9_with_positions_instead_of_gtids(self) -> None:
        self.kill_often("mysql57", "mysql80", gtid=False)

    @only_long
    def test_kill_9_with_mariadb(self) -> None:
        self.kill_often("mariadb", "mysql80")

    def behind_a_proxy(self, target_kind: str) -> tuple[Server, Proxy]:
        target = self.target_server(target_kind, [workload.SCHEMA])
        proxy = Proxy(target.host, target.port, self.seed)
        self.addCleanup(proxy.close)
        return target, proxy

    def mover_through(self, source: Server, target: Server, through: Proxy | None) -> harness.Mover:
        changes = {}
        if through:
            changes["target-database"] = {"host": through.host, "port": through.port, "user": target.user,
                                          "password": target.password}
        mover = harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA], task=changes)
        self.addCleanup(mover.end)
        return mover

    def in_the_log(self, target: Server, through: Proxy | None = None) -> tuple[Server, harness.Mover]:
        """A mover that is past the full phase; `through` stands between it and the target."""
        source = self.filled_source("mysql57", rows=500)
        mover = self.mover_through(source, target, through)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync", mover.must_run()),
                   120)
        return source, mover

    def lose_commits(self, target_kind: str) -> None:
        target, proxy = self.behind_a_proxy(target_kind)
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

    def late_commits(self, target_kind: str) -> None:
        """A connection that the mover gave up commits after the mover has sent the same rows on another one."""
        target, proxy = self.behind_a_proxy(target_kind)
        source, mover = self.in_the_log(target, proxy)
        writer = workload.Writer(source, self.seed)
        writer.start()
        proxy.faults.late_commit = 0.1
        self.until("late commits", lambda: (proxy.happened["late_commit"] >= (30 if LONG else 6),
                                            (dict(proxy.happened), mover.must_run())), 240)
        proxy.faults.late_commit = 0
        writer.stop()
        mover.sync()
        self.check_equal([source], target)

    def test_late_commits_of_forgotten_connections_on_mysql(self) -> None:
        self.late_commits("mysql80")

    @only_long
    def test_late_commits_of_forgotten_connections_on_tidb(self) -> None:
        self.late_commits("tidb")

    def copy_through_faults(self, target_kind: str) -> None:
        """Commits of chunks are lost, late and unknown while the rows that exist are copied and written to."""
        target, proxy = self.behind_a_proxy(target_kind)
        source = self.filled_source("mysql57", rows=30000)
        writer = workload.Writer(source, self.seed, pause_seconds=0.05)  # rows without a key are found by scans
        writer.start()
        faults = proxy.faults
        faults.lose_commit_answer = faults.lose_commit = faults.cut_at_commit = faults.late_commit = 0.08
        mover = self.mover_through(source, target, proxy)
        mover.start()
        self.until("the log phase", lambda: (harness.phases(target, "mover").get("s1") == "sync",
                                             (dict(proxy.happened), mover.must_run())), 300)
        faults.lose_commit_answer = faults.lose_commit = faults.cut_at_commit = faults.late_commit = 0
        writer.stop()
        self.assertGreater(sum(proxy.happened.values()), 10, dict(proxy.happened))
        mover.sync()
        self.check_equal([source], target)

    def test_a_copy_through_lost_and_late_commits_into_tidb(self) -> None:
        self.copy_through_faults("tidb")

    def test_a_copy_through_lost_and_late_commits_into_mysql(self) -> None:
        self.copy_through_faults("mysql80")

    def cut_anywhere(self, target_kind: str) -> None:
        target, proxy = self.behind_a_proxy(target_kind)
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
    def test_connections_to_mysql_cut_anywhere(self) -> None:
        self.cut_anywhere("mysql80")

    @only_long
    def test_connections_to_tidb_cut_anywhere(self) -> None:
        self.cut_anywhere("tidb")

    @only_long
    def test_tidb_is_restarted(self) -> None:
        """In order: its embedded store is not synced, so that a kill may lose what it acknowledged."""
        target = self.target_server("tidb", [workload.SCHEMA])
        source, mover = self.in_the_log(target)
        writer = workload.Writer(source, self.seed)
        writer.start()
        for _ in range(4 if LONG else 2):
            before = writer.transactions
            target.stop()
            self.until("the source goes on", lambda: (writer.transactions > before + 100, writer.transactions))
            mover.must_run()
            target.start()
        writer.stop()
        mover.must_run()
        compare.until_equal([source], target, workload.SCHEMA, TABLES, 240)
        mover.stop()

    @only_long
    def test_a_target_that_does_not_answer_is_waited_out(self) -> None:
        target, proxy = self.behind_a_proxy("mysql80")
        source, mover = self.in_the_log(target, proxy)
        writer = workload.Writer(source, self.seed)
        writer.start()
        proxy.faults.blackhole = True
        before = writer.transactions
        self.until("the source goes on", lambda: (writer.transactions > before + 300, writer.transactions))
        proxy.faults.blackhole = False
        writer.stop()
        mover.must_run()
        compare.until_equal([source], target, workload.SCHEMA, TABLES, 240)
        mover.stop()

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
