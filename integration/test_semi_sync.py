"""Semi-synchronous replication both ways: what tiderelay acknowledges is on its disk, followers acknowledge to it."""

from __future__ import annotations

import json
import random
from typing import Any

import harness
import workload
from followers import Replica, Sidecar, caught_up, source_document
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

    def semi_follower(self, kind: str, sidecar: Sidecar) -> Replica:
        replica = Replica(self.server(kind))
        if kind == "mysql97":
            replica.server.execute("install plugin rpl_semi_sync_replica soname 'semisync_replica.so'")
        replica.server.execute(f"set global rpl_semi_sync_{WORDS[kind][1]}_enabled = 1")
        replica.follow(sidecar, gtid=True)
        replica.start()
        return replica

    def acking(self, source: Server, sidecar: Sidecar) -> None:
        until("the source waits for tiderelay, which says so", lambda: (
            self.counter(source, "clients") == 1 and sidecar.relay()["tiderelay"]["semi_sync"], sidecar.tail(5)), 30)

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

    def check_through(self, kind: str) -> None:
        """source -> tiderelay -> follower, each commit waits for the follower behind tiderelay."""
        source = self.semi_source(kind)
        self.enable(source)
        sidecar = Sidecar(self.folder, [source_document(source)],
                          relay={"semi-sync": True, "semi-sync-followers": 1})
        config = dict(self.config_of(sidecar), **{"semi-sync": True})
        sidecar = self.sidecar_with(sidecar, config)
        self.acking(source, sidecar)
        replica = self.semi_follower(kind, sidecar)
        word = WORDS[kind][1]
        until("the follower is semi-sync", lambda: (
            (state := replica.server.query(f"show status like 'rpl_semi_sync_{word}_status'"))[0][1] == "ON",
            (state, replica.io_error())), 30)
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
