"""Semi-synchronous replication both ways: what tiderelay acknowledges is on its disk, followers acknowledge to it."""

from __future__ import annotations

import json
import random
from typing import Any

import harness
import workload
from followers import Replica, Sidecar, caught_up, run_binlog_tool, source_document
from scenario import only_long
from servers import Server
from test_followers import ROUND, FollowerScenario
from waiting import pause, until

WORDS = {"mysql97": ("source", "replica"), "mariadb": ("master", "slave")}


class SemiSync(FollowerScenario):
    def semi_source(self, kind: str) -> Server:
        """A source whose commits wait 60 s for an acknowledgement, also while nobody is connected."""
        source = self.server(kind, durable=True)
        if kind == "mysql97":
            source.execute("install plugin rpl_semi_sync_source soname 'semisync_source.so'")
        word = WORDS[kind][0]
        workload.create_tables(source)
        source.execute(f"set global rpl_semi_sync_{word}_timeout = 60000",
                       f"set global rpl_semi_sync_{word}_wait_no_{WORDS[kind][1]} = 1")
        return source

    @staticmethod
    def enable(source: Server) -> None:
        source.execute(f"set global rpl_semi_sync_{WORDS[source.kind][0]}_enabled = 1")

    @staticmethod
    def counter(source: Server, name: str) -> int:
        word = WORDS[source.kind][0]
        return int(source.query(f"show global status like 'rpl_semi_sync_{word}_{name}'")[0][1])

    def semi_follower(self, kind: str, sidecar: Sidecar, tls: bool = False) -> Replica:
        replica = Replica(self.server(kind))
        if kind == "mysql97":
            replica.server.execute("install plugin rpl_semi_sync_replica soname 'semisync_replica.so'")
        replica.server.execute(f"set global rpl_semi_sync_{WORDS[kind][1]}_enabled = 1")
        replica.follow(sidecar, gtid=True)
        if tls:
            words = "replication source to source_ssl" if replica.new_words else "master to master_ssl"
            replica.server.execute(f"change {words} = 1")
        replica.start()
        word = WORDS[kind][1]
        until("the follower is semi-sync", lambda: (
            (state := replica.server.query(f"show status like 'rpl_semi_sync_{word}_status'"))[0][1] == "ON",
            (state, replica.io_error())), 30)
        return replica

    def acking(self, source: Server, sidecar: Sidecar) -> None:
        until("the source waits for tiderelay", lambda: (self.counter(source, "clients") == 1, sidecar.tail(5)), 30)
        until("tiderelay says so, too", lambda: self.says_semi_sync(sidecar), 30)

    @staticmethod
    def says_semi_sync(sidecar: Sidecar) -> tuple[bool, Any]:
        try:
            said = sidecar.relay()
        except OSError as not_yet:  # a source counts clients of before a restart for a moment
            return False, not_yet
        return said["tiderelay"]["semi_sync"], said

    def check_upstream(self, kind: str) -> None:
        """Commits are acknowledged; nothing that was is missing after kill -9 of tiderelay and the source's loss."""
        source = self.semi_source(kind)
        self.enable(source)
        sidecar = self.sidecar([source_document(source)], relay={"semi-sync": True})
        self.acking(source, sidecar)
        before = self.counter(source, "yes_tx")
        workload.Writer(source, seed=7).write(ROUND)
        self.assertGreaterEqual(self.counter(source, "yes_tx") - before, ROUND // 2)
        self.assertEqual(self.counter(source, "no_tx"), 0)
        draw = random.Random(5)
        for round_number in range(3):
            confirmed = self.confirm_until_killed(source, sidecar, round_number, draw)
            here = harness.relay_files(sidecar.data, "s1")
            held = b"".join(file.read_bytes() for file in here)
            lost = [word for word in confirmed if word.encode() not in held]
            self.assertEqual(lost, [], "acknowledged and gone")
            self.assertTrue(confirmed)
            sidecar.start()
            self.acking(source, sidecar)
        self.assertEqual(self.counter(source, "no_tx"), 0)
        workload.Writer(source, seed=8).write(ROUND)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)

    @staticmethod
    def confirm_until_killed(source: Server, sidecar: Sidecar, number: int, draw: random.Random) -> list[str]:
        """Rows whose commit had returned when tiderelay was killed; then no commit returns."""
        confirmed: list[str] = []
        wanted = draw.randrange(5, 40)
        with source.connect(workload.SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
            while len(confirmed) < wanted:
                word = f"confirmed-{number}-{len(confirmed)}-x"
                cursor.execute("insert into keyless (a, b) values (1, %s)", (word[:20],))
                confirmed.append(word[:20])
            sidecar.kill()
        return confirmed

    def test_a_mysql_9_7_source_gets_acknowledgements_of_what_is_synced(self) -> None:
        self.check_upstream("mysql97")

    @only_long
    def test_a_mariadb_source_gets_acknowledgements_of_what_is_synced(self) -> None:
        self.check_upstream("mariadb")

    def waiting_for(self, kind: str, followers: int, **server: Any) -> tuple[Server, Sidecar]:
        """A source whose commits wait for so many followers behind tiderelay."""
        source = self.semi_source(kind)
        self.enable(source)
        sidecar = Sidecar(self.folder, [source_document(source)],
                          relay={"semi-sync": True, "semi-sync-followers": followers})
        sidecar = self.sidecar_with(sidecar, {**self.config_of(sidecar), "semi-sync": True, **server})
        self.acking(source, sidecar)
        return source, sidecar

    def check_two(self, kind: str) -> None:
        """Each commit waits for two followers over TLS; one that connects anew does not count twice."""
        source, sidecar = self.waiting_for(kind, 2)
        followers = [self.semi_follower(kind, sidecar, tls=True) for _ in range(2)]
        before = self.counter(source, "yes_tx")
        workload.Writer(source, seed=21).write(ROUND)
        self.assertGreaterEqual(self.counter(source, "yes_tx") - before, ROUND // 2)
        for replica in followers:
            self.equal(source, replica)
        followers[0].stop()
        until("one is left", lambda: (len(self.dumping(sidecar)) == 1, self.dumping(sidecar)), 30)
        held = self.counter(source, "yes_tx")
        writer = workload.Writer(source, seed=22)
        writer.start()
        for _ in range(3):
            followers[1].stop()
            followers[1].start()
            pause(0.3)  # how long nothing happens
        self.assertLessEqual(self.counter(source, "yes_tx") - held, 1, "one follower is not two")
        followers[0].start()
        until("commits go on", lambda: (writer.transactions > ROUND, writer.transactions), 60)
        writer.stop()
        self.assertEqual(self.counter(source, "no_tx"), 0)
        for replica in followers:
            self.equal(source, replica)

    @staticmethod
    def dumping(sidecar: Sidecar) -> list[Any]:
        return [one for one in sidecar.api("/followers")["data"] if one["state"] == "following"]

    @only_long
    def test_a_commit_waits_for_two_mysql_9_7_followers_over_tls(self) -> None:
        self.check_two("mysql97")

    @only_long
    def test_a_commit_waits_for_two_mariadb_followers_over_tls(self) -> None:
        self.check_two("mariadb")

    @only_long
    def test_mysqlbinlog_reads_through_a_semi_sync_relay(self) -> None:
        """It does not acknowledge, is sent no more than others, and nobody waits for it."""
        source = self.semi_source("mysql97")
        self.enable(source)
        sidecar = Sidecar(self.folder, [source_document(source)], relay={"semi-sync": True})
        sidecar = self.sidecar_with(sidecar, {**self.config_of(sidecar), "semi-sync": True})
        self.acking(source, sidecar)
        workload.Writer(source, seed=23).write(ROUND)
        source.execute("flush logs")
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        out = self.folder / "raw"
        out.mkdir()
        files = harness.upstream_files(source)
        run = run_binlog_tool("mysql97", sidecar, out, "--raw", "--to-last-log", files[0].name)
        self.assertEqual(run.returncode, 0, run.stderr)
        for file in files[:-1]:
            self.assertEqual((out / file.name).read_bytes(), file.read_bytes(), file.name)
        self.assertEqual(self.counter(source, "no_tx"), 0)

    def check_through(self, kind: str) -> None:
        """source -> tiderelay -> follower, each commit waits for the follower behind tiderelay."""
        source, sidecar = self.waiting_for(kind, 1)
        replica = self.semi_follower(kind, sidecar)
        before = self.counter(source, "yes_tx")
        workload.Writer(source, seed=9).write(ROUND)
        self.equal(source, replica)
        self.assertGreaterEqual(self.counter(source, "yes_tx") - before, ROUND // 2)
        self.assertEqual(self.counter(source, "no_tx"), 0)
        for step in (sidecar.kill, sidecar.start):
            step()
        writer = workload.Writer(source, seed=10)
        writer.start()
        until("commits go on", lambda: (writer.transactions > ROUND, writer.transactions), 60)
        writer.stop()
        self.assertEqual(self.counter(source, "no_tx"), 0)
        replica.stop()
        held = self.counter(source, "yes_tx")
        writer = workload.Writer(source, seed=11)
        writer.start()
        pause(1)  # how long nothing happens
        self.assertLessEqual(self.counter(source, "yes_tx") - held, 1, "nobody behind tiderelay has it")
        replica.start()
        until("commits go on", lambda: (writer.transactions > ROUND, writer.transactions), 60)
        writer.stop()
        self.equal(source, replica)

    @staticmethod
    def config_of(sidecar: Sidecar) -> dict[str, Any]:
        return dict(json.loads(sidecar.config.read_text())["relay-server"])

    def sidecar_with(self, sidecar: Sidecar, relay_server: dict[str, Any]) -> Sidecar:
        harness.write_yaml(sidecar.config, {**json.loads(sidecar.config.read_text()), "relay-server": relay_server})
        self.addCleanup(sidecar.end)
        return sidecar.start()

    def test_a_commit_waits_for_a_mysql_9_7_follower_behind_tiderelay(self) -> None:
        self.check_through("mysql97")

    @only_long
    def test_a_commit_waits_for_a_mariadb_follower_behind_tiderelay(self) -> None:
        self.check_through("mariadb")
