"""The relay log holds the source's own bytes: after restarts and kill -9 on both sides, for every kind of source."""

from __future__ import annotations

import random
from pathlib import Path

import harness
import workload
from scenario import LONG, MoverScenario, only_long
from servers import Server
from waiting import until


def same_bytes(mover: harness.Mover, source_id: str, upstream: Server) -> tuple[bool, str]:
    """Whether every closed file of the source is in the relay log byte for byte. The in-use flag (byte 21) is set on
    the source's disk alone and not sent: in the open file, and in one that MariaDB left behind when it was killed."""
    ours = {file.name: file for file in harness.relay_files(mover.data, source_id)}
    closed = harness.upstream_files(upstream)[:-1]
    if not closed or not ours:
        return False, f"{len(ours)} files here, {len(closed)} closed ones there"
    first = next((at for at, file in enumerate(closed) if file.name in ours), len(closed))
    if first == len(closed):
        return False, f"{sorted(ours)} has no closed file of {[file.name for file in closed]}"
    for theirs in closed[first:]:
        if theirs.name not in ours:
            return False, f"{theirs.name} is missing"
        difference = first_difference(ours[theirs.name], theirs)
        if difference:
            return False, f"{theirs.name}: {difference}"
    return True, f"{len(closed) - first} files equal"


def first_difference(ours: Path, theirs: Path) -> str:
    one, other = ours.read_bytes(), theirs.read_bytes()
    if len(other) > 21:
        other = other[:21] + bytes([other[21] & ~1]) + other[22:]
    if one == other:
        return ""
    at = next((place for place, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"{len(one)} bytes here, {len(other)} there, different from offset {at}"


class Relay(MoverScenario):
    def check(self, kind: str, **how: object) -> None:
        source = self.server(kind, durable=True, **how)
        target = self.server("mysql80")
        workload.create_tables(source)
        mover = harness.mover(self.folder, {"s1": source}, target, [workload.SCHEMA])
        self.addCleanup(mover.end)
        writer = workload.Writer(source, seed=5)
        writer.start()
        draw = random.Random(5)
        for round_ in range(12 if LONG else 4):
            mover.kill_at_random(draw, 3.0)
            source.execute("flush logs")
            if round_ % 2:
                source.restart()
            else:
                source.kill()
                source.start()
        writer.stop()
        mover.start()
        source.execute("flush logs")
        self.assertGreater(writer.transactions, 50)
        until("byte identity", lambda: same_bytes(mover, "s1", source), 120)
        mover.must_run()
        mover.stop()

    def test_mysql_5_7(self) -> None:
        self.check("mysql57")

    @only_long
    def test_mysql_5_7_without_gtid(self) -> None:
        self.check("mysql57", gtid=False)

    @only_long
    def test_mysql_8_0(self) -> None:
        self.check("mysql80")

    @only_long
    def test_mariadb(self) -> None:
        self.check("mariadb")

    @only_long
    def test_mysql_5_6(self) -> None:
        self.check("mysql56")

    @only_long
    def test_mysql_9_7(self) -> None:
        self.check("mysql97")
