"""`relay.compress-sealed: lz4`: whoever reads the relay log gets the source's bytes from the compressed files, too."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import compare
import harness
import workload
from followers import Replica, Sidecar, binlog_tool, caught_up, run_binlog_tool, source_document
from scenario import only_long
from servers import Server
from test_followers import ROUND, FollowerScenario
from waiting import until

FILES = 6


class Compressed(FollowerScenario):
    def compressing(self, source: Server, **more: Any) -> Sidecar:
        workload.create_tables(source)
        sidecar = self.sidecar([source_document(source)], relay={
            "compress-sealed": "lz4", "retain": {"followers": "0"}}, **more)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        return sidecar

    def write_files(self, source: Server, sidecar: Sidecar, seed: int) -> None:
        """Several files, all compressed but the last two."""
        for at in range(FILES):
            workload.Writer(source, seed=seed + at, large_every=8).write(ROUND)
            source.execute("flush logs")
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        names = [row[0] for row in source.query("show binary logs")]
        until("they are compressed", lambda: (self.forms(sidecar) == {
            name: name + (".lz4" if name in names[:-2] else "") for name in names}, self.forms(sidecar)), 60)

    @staticmethod
    def forms(sidecar: Sidecar) -> dict[str, str]:
        """What lies on disk for each log file; both forms of one would be two."""
        found = [file.name for file in (sidecar.data / "sources/s1/relay").glob("*/*") if file.name[0] == "b"]
        assert len({name.removesuffix(".lz4") for name in found}) == len(found), found
        return {name.removesuffix(".lz4"): name for name in found}

    def packed(self, sidecar: Sidecar) -> list[Path]:
        return sorted((sidecar.data / "sources/s1/relay").glob("*/*.lz4"))

    def same_dump(self, kind: str, source: Server, sidecar: Sidecar) -> None:
        out = self.folder / f"raw-{sidecar.starts}"
        out.mkdir()
        files = harness.upstream_files(source)
        run = run_binlog_tool(kind, sidecar, out, "--raw", "--to-last-log", files[0].name)
        self.assertEqual(run.returncode, 0, run.stderr)
        for file in files[:-1]:
            self.assertEqual((out / file.name).read_bytes(), file.read_bytes(), file.name)

    def same_text(self, source: Server, sidecar: Sidecar) -> None:
        """`tiderelay binlog` over the folder, and over one file by either of its names; lz4 itself."""
        files = harness.upstream_files(source)[:-1]
        folder = self.packed(sidecar)[0].parent
        self.assertEqual(binlog(*map(str, files)), binlog(*(str(folder / file.name) for file in files)))
        named = binlog(str(folder / (files[0].name + ".lz4")))  # its first line is the file's name
        self.assertEqual(binlog(str(files[0])).partition(b"\n")[2], named.partition(b"\n")[2])
        self.assertEqual(binlog("--stats", str(files[0])), binlog("--stats", str(folder / files[0].name)))
        for file in files[:-1]:
            plain = subprocess.run(["lz4", "-dc", str(folder / (file.name + ".lz4"))], capture_output=True, check=True)
            self.assertEqual(plain.stdout, file.read_bytes(), file.name)

    def test_replica_tool_and_task_read_compressed_files(self) -> None:
        source = self.server("mysql57")
        target = self.target_server("mysql80", [workload.SCHEMA])
        task = harness.task_document("test", target, ["s1"], [workload.SCHEMA],
                                     {"ignore-checking-items": ["dump_privilege", "replication_privilege"]})
        sidecar = self.compressing(source, tasks=[task])
        until("the task is in step", lambda: self.in_step(sidecar), 60)
        paused = sidecar.ask("pause-task", "test")
        self.assertTrue(paused["result"], paused)
        self.write_files(source, sidecar, 310)
        self.assertEqual([list(row)[:2] for row in sidecar.query("show binary logs")],
                         [list(row)[:2] for row in source.query("show binary logs")], "sizes are the source's")
        listed = "show binlog events in '%s' limit 3, 20" % harness.upstream_files(source)[1].name
        self.assertEqual([row[1:5] for row in sidecar.query(listed)], [row[1:5] for row in source.query(listed)])
        self.same_dump("mysql57", source, sidecar)
        self.same_text(source, sidecar)
        sidecar.kill()
        sidecar.start()
        self.same_dump("mysql57", source, sidecar)
        replica = Replica(self.server("mysql57"))
        replica.follow(sidecar, gtid=True)
        replica.start()
        self.equal(source, replica)
        resumed = sidecar.ask("resume-task", "test")
        self.assertTrue(resumed["result"], resumed)
        compare.until_equal([source], target, workload.SCHEMA, list(workload.TABLES), 120)
        until("compressed files are purged", lambda: self.purged(source, sidecar), 30)

    def purged(self, source: Server, sidecar: Sidecar) -> tuple[bool, Any]:
        """All up to the third; as soon as the task has noted that it needs them no longer."""
        names = [row[0] for row in source.query("show binary logs")]
        said = sidecar.ask("purge-relay", "-s", "s1", "--filename", names[2])
        return sorted(self.forms(sidecar)) == names[2:], (said, self.forms(sidecar))

    @staticmethod
    def in_step(sidecar: Sidecar) -> tuple[bool, Any]:
        status = sidecar.ask("query-status", "test")
        unit = status.get("sources", [{}])[0].get("subTaskStatus", [{}])[0]
        return unit.get("stage") == "Running" and unit.get("unit") == "Sync", status

    @only_long
    def test_of_mariadb(self) -> None:
        binlog_tool("mariadb")
        source = self.server("mariadb")
        sidecar = self.compressing(source)
        self.write_files(source, sidecar, 330)
        self.same_dump("mariadb", source, sidecar)
        self.same_text(source, sidecar)
        replica = Replica(self.server("mariadb"))
        replica.follow(sidecar, gtid=True)
        replica.start()
        self.equal(source, replica)

    @only_long
    def test_a_damaged_block_is_named_and_what_lies_before_it_is_served(self) -> None:
        source = self.server("mysql57")
        sidecar = self.compressing(source)
        self.write_files(source, sidecar, 350)
        victim = self.packed(sidecar)[2]
        content = bytearray(victim.read_bytes())
        content[len(content) // 3] ^= 1
        victim.write_bytes(content)
        out = self.folder / "raw"
        out.mkdir()
        files = harness.upstream_files(source)
        run = run_binlog_tool("mysql57", sidecar, out, "--raw", "--to-last-log", files[0].name)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn(f"{victim.name}: block 0 (from 0 of the log file", run.stderr)
        for file in files[:2]:
            self.assertEqual((out / file.name).read_bytes(), file.read_bytes(), file.name)


def binlog(*words: str) -> bytes:
    done = subprocess.run([str(harness.BINARY), "binlog", *words], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
