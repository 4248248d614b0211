"""What a purge takes and leaves: by age, size and free space; never what a task needs; followers up to a cap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import compare
import harness
import workload
from followers import Replica, Sidecar, caught_up, source_document
from scenario import only_long
from servers import Server
from test_followers import ROUND, FollowerScenario
from waiting import until

KIB = 1024


class RetainScenario(FollowerScenario):
    def keeping(self, retain: dict[str, Any], source: Server | None = None, **more: Any) -> tuple[Server, Sidecar]:
        """A source and a sidecar with these limits that has received all of it."""
        source = source or self.server("mysql57")
        workload.create_tables(source)
        sidecar = self.sidecar([source_document(source)], relay={"retain": retain}, **more)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        return source, sidecar

    def write_files(self, source: Server, files: int, seed: int = 100) -> None:
        for at in range(files):
            workload.Writer(source, seed=seed + at, large_every=8).write(ROUND)
            source.execute("flush logs")

    def write_bytes(self, source: Server, least: int, seed: int = 200) -> None:
        """Files of some 50 KiB that have so many bytes together."""
        with source.connect(workload.SCHEMA) as connection, connection.cursor() as cursor:
            for at in range(-(-least // (50 * KIB))):
                for number in range(10):
                    cursor.execute("insert into composite values (%s, %s, 1, repeat('x', 5000))",
                                   (seed * 1000 + at, str(number)))
                    connection.commit()
                cursor.execute("flush logs")

    @staticmethod
    def files(sidecar: Sidecar) -> list[Path]:
        return harness.relay_files(sidecar.data, "s1")

    def size(self, sidecar: Sidecar) -> int:
        """A file that goes while it is looked at counts nothing."""
        total = 0
        for file in self.files(sidecar):
            try:
                total += file.stat().st_size
            except FileNotFoundError:
                continue
        return total


class Limits(RetainScenario):
    def test_the_oldest_files_go_above_the_size(self) -> None:
        source, sidecar = self.keeping({"size": "200KiB", "followers": "0"})
        self.write_files(source, 8)
        written = sum(file.stat().st_size for file in harness.upstream_files(source))
        self.assertGreater(written, 400 * KIB, "the scenario is too small to show anything")
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        until("the log is below its size", lambda: (self.size(sidecar) <= 200 * KIB, self.size(sidecar)), 30)
        self.assertGreater(len(self.files(sidecar)), 1, "no more than that goes")
        self.assertEqual(sidecar.query("show binary logs")[-1][0], source.query("show binary logs")[-1][0])
        sidecar.kill()
        sidecar.start()
        until("it goes on", lambda: caught_up(source, sidecar), 60)

    def test_files_go_when_they_are_old(self) -> None:
        source, sidecar = self.keeping({"age": "3s"})
        self.write_files(source, 3)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)

        def only_young_ones() -> tuple[bool, Any]:
            source.execute("flush logs")  # a purge comes with each new file
            return source.query("show binary logs")[3][0] < self.files(sidecar)[0].name, self.files(sidecar)

        until("old files are gone", only_young_ones, 30)

    def test_files_go_while_too_little_is_free(self) -> None:
        source, sidecar = self.keeping({"free-space": "99%"})  # no disk that tests run on is that empty
        self.write_files(source, 3)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        until("only the last file is left", lambda: (len(self.files(sidecar)) == 1, self.files(sidecar)), 30)


class Needed(RetainScenario):
    def test_at_the_cap_receiving_stops_rather_than_that_a_task_loses_its_files(self) -> None:
        source = self.server("mysql57")
        target = self.target_server("mysql80", [workload.SCHEMA])
        task = harness.task_document("test", target, ["s1"], [workload.SCHEMA],
                                     {"ignore-checking-items": ["dump_privilege", "replication_privilege"]})
        _, sidecar = self.keeping({"size": "200KiB", "followers": "0"}, source, tasks=[task])
        self.write_files(source, 1)
        self.equal_rows(source, target)
        paused = sidecar.ask("pause-task", "test")
        self.assertTrue(paused["result"], paused)
        first_needed = self.files(sidecar)[-1].name
        self.write_bytes(source, 500 * KIB)
        until("receiving stops", lambda: (sidecar.relay()["tiderelay"]["state"] == "storage cap", sidecar.relay()), 60)
        said = sidecar.relay()
        self.assertIn("the limit is", said["error_msg"])
        self.assertIn("kept for task test", said["tiderelay"]["alarm"])
        self.assertIn("tiderelay_relay_no_room{source_id=\"s1\"} 1", sidecar.api("/metrics"))
        self.assertLessEqual(self.files(sidecar)[0].name, first_needed)
        sidecar.kill()
        sidecar.start()
        until("still so", lambda: (sidecar.relay()["tiderelay"]["state"] == "storage cap", sidecar.relay()), 60)
        self.assertLessEqual(self.files(sidecar)[0].name, first_needed)
        sidecar.ask("resume-task", "test")
        self.equal_rows(source, target)
        until("the log is below its size", lambda: (self.size(sidecar) <= 200 * KIB, self.size(sidecar)), 60)

    def equal_rows(self, source: Server, target: Server) -> None:
        compare.until_equal([source], target, workload.SCHEMA, list(workload.TABLES), 120)

    def check_follower(self, kind: str) -> None:
        """What a follower that is away needs stays, with an alarm, over kill -9; above the cap it goes."""
        source, sidecar = self.keeping({"size": "100KiB", "followers": "500KiB"}, self.server(kind))
        replica = Replica(self.server(kind))
        replica.follow(sidecar, gtid=True)
        replica.start()
        self.equal(source, replica)
        replica.stop()
        needed = self.files(sidecar)[-1].name
        server_id = replica.server.query("select @@server_id")[0][0]
        until("it is away", lambda: ((one := self.one(sidecar, server_id)).get("state") == "away", one), 30)
        self.write_bytes(source, 300 * KIB)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        alarm = lambda: sidecar.relay()["tiderelay"]["alarm"]
        until("an alarm", lambda: (f"follower {server_id}" in alarm(), alarm()), 60)
        sidecar.kill()
        sidecar.start()
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        source.execute("flush logs")
        until("the alarm again", lambda: (f"follower {server_id}" in alarm(), alarm()), 60)
        self.assertLessEqual(self.files(sidecar)[0].name, needed)
        replica.start()
        self.equal(source, replica)

        def purged() -> tuple[bool, Any]:
            source.execute("flush logs")  # a purge comes with each new file
            return self.size(sidecar) <= 100 * KIB, self.files(sidecar)

        until("it has all: the files go", purged, 60)
        replica.stop()
        self.write_bytes(source, 1000 * KIB, seed=300)
        until("it has lost its place", lambda: ("which was removed" in sidecar.log().read_text(), sidecar.tail()), 90)
        self.assertLess(self.size(sidecar), 800 * KIB)

    @staticmethod
    def one(sidecar: Sidecar, server_id: int) -> dict[str, Any]:
        return next((dict(one) for one in sidecar.api("/followers")["data"] if one["server_id"] == server_id
                     and one["state"] != "connected"), {})

    def test_a_follower_keeps_files_up_to_its_cap(self) -> None:
        self.check_follower("mysql57")

    @only_long
    def test_a_follower_keeps_files_up_to_its_cap_mysql_9_7(self) -> None:
        self.check_follower("mysql97")

    @only_long
    def test_a_follower_keeps_files_up_to_its_cap_mariadb(self) -> None:
        self.check_follower("mariadb")


class Lag(RetainScenario):
    def test_each_follower_says_how_far_it_is_behind(self) -> None:
        source, sidecar = self.keeping({})
        replica = Replica(self.server("mysql57"))
        replica.follow(sidecar, gtid=True)
        replica.start()
        self.equal(source, replica)
        server_id = replica.server.query("select @@server_id")[0][0]
        until("in step", lambda: ((one := Needed.one(sidecar, server_id)).get("lag_bytes") == 0
                                  and one["lag_transactions"] == 0 and one["lag_seconds"] == 0, one), 30)
        replica.stop()
        before = source.query("show master status")[0][1]
        with source.connect(workload.SCHEMA) as connection, connection.cursor() as cursor:
            for number in range(40):
                cursor.execute("insert into keyless (a) values (%s)", (number,))
                connection.commit()
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        written = source.query("show master status")[0][1] - before
        until("it is away", lambda: ((one := Needed.one(sidecar, server_id)).get("state") == "away"
                                     and one["lag_bytes"] >= written, one), 30)
        behind = Needed.one(sidecar, server_id)
        self.assertGreaterEqual(behind["lag_transactions"], 40)
        self.assertGreater(behind["lag_seconds"], 0)
        status = sidecar.ask("query-status", "-s", "s1")["sources"][0]["sourceStatus"]["relayStatus"]["tiderelay"]
        self.assertEqual([one["serverId"] for one in status["followers"] if one["state"] == "away"], [server_id])
        self.assertIn(f"tiderelay_follower_lag_bytes{{source_id=\"s1\",server_id=\"{server_id}\"",
                      sidecar.api("/metrics"))
        replica.start()
        self.equal(source, replica)
        until("in step", lambda: (Needed.one(sidecar, server_id).get("lag_transactions") == 0,
                                  Needed.one(sidecar, server_id)), 30)
        states = [row[6] for row in sidecar.query("show processlist") if row[4] == "Binlog Dump"]
        self.assertEqual(states, ["lag 0 bytes, 0 transactions, 0.0 s"])
