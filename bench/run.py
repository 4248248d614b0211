#!/usr/bin/env python3
"""Runs the benchmarks beside their peers, a line for each: rate, time, CPU seconds, peak memory; then the ratios.

    python3 bench/run.py [receive|decode|apply|full|replica|lag|serve|latency|hop]... [--scale 1.0] [--target tidb]
                         [--source mysql80]

The mover is build/release/tiderelay, or $TIDERELAY. Peers run in the same run where they can be had: mysqlbinlog 9.7;
TiDB DM (dm-master, dm-worker and dmctl on PATH) with compact, multiple-rows and larger batches, and as it comes; a
MySQL 9.7 replica with four workers. What is not there is named and left out; nothing is estimated. All processes share
one machine's CPUs: ratios and CPU seconds count, rates belong to the machine. Each contender gets a source and a target
of its own, filled alike; afterwards the rows of both sides are compared. --scale 0.05 takes some minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "integration"))
os.environ.setdefault("TIDERELAY", str(TOP / "build/release/tiderelay"))

import system_python

system_python.ensure()

import argparse
import filecmp
import shutil
import signal
import subprocess
import time
from typing import Any, Callable

import data
import harness
import lag
import packages
import serve
import servers
from dm import Dm
from followers import Sidecar, source_document
from measure import Meter, line
from packages import Missing
from servers import Server
from waiting import pause, until


NAMES = ("receive", "decode", "apply", "full", "replica", "lag", "serve", "latency", "hop")
Write = Callable[[Server], int]
# DM as it comes, and with what is fastest for it (its own documentation, and tried here).
DM_SYNCERS: dict[str, dict[str, Any]] = {
    "DM, its defaults": {},
    "DM, compact and multiple-rows": {"compact": True, "multiple-rows": True, "batch": 500, "worker-count": 16},
}


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.scale: float = arguments.scale
        self.source_kind: str = arguments.source
        self.target_kind: str = arguments.target
        self.only: str = arguments.only
        self.folder = servers.RUN / f"bench-{os.getpid()}"
        self.folder.mkdir(parents=True)
        self.servers: list[Server] = []
        self.give_back: list[Callable[[], None]] = []
        self.rates: dict[str, float] = {}

    def close(self) -> None:
        for give_back in reversed(self.give_back):
            give_back()
        self.give_back.clear()
        for server in self.servers:
            server.remove()
        self.servers.clear()
        for leftover in self.folder.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def server(self, kind: str) -> Server:
        server = servers.create(kind, name=f"{kind}-{len(self.servers)}", run=self.folder)
        self.servers.append(server)
        return server.start()

    def scaled(self, amount: int) -> int:
        return max(1000, int(amount * self.scale))

    # -- receive and decode ---------------------------------------------------------------------------------------

    def source_with_log(self, transactions: int = 0) -> tuple[Server, list[Path]]:
        """A source with a closed log of small transactions, and its closed files."""
        source = self.server(self.source_kind)
        rows = self.scaled(100_000)
        data.create(source)
        data.fill(source, rows)
        data.small_transactions(source, transactions or self.scaled(200_000), rows)
        source.execute("flush logs")
        return source, harness.upstream_files(source)[:-1]

    def receive(self) -> None:
        source, files = self.source_with_log()
        mib = sum(file.stat().st_size for file in files) / 2**20
        self.receive_raw(source, files, mib)
        if self.has_mover():
            self.receive_relay(source, files, mib)
        self.ratio("receive", "receive, tiderelay serve, synced", "receive, mysqlbinlog 9.7 --raw, not synced")

    def receive_raw(self, source: Server, files: list[Path], mib: float) -> None:
        try:
            program = packages.mysql_client("mysqlbinlog")
        except Missing as missing:
            return print(f"receive, mysqlbinlog --raw: left out: {missing}")
        out = self.folder / "raw"
        out.mkdir()
        command = program.command(
            "--read-from-remote-server", "--raw", f"--host={source.host}", f"--port={source.port}", "--user=root",
            f"--password={source.password}", f"--result-file={out}/", *[file.name for file in files])
        self.measure("receive, mysqlbinlog 9.7 --raw, not synced", mib, "MiB", command, {"source": source.pid()},
                     program.env())

    def receive_relay(self, source: Server, files: list[Path], mib: float) -> None:
        """The daemon with one source and no task, from its start to its end in order: then every byte is synced."""
        document = harness.source_document("s1", source, relay_binlog_name=files[0].name)
        daemon = {"data-dir": str(self.folder / "data"), "api": {"listen": f"{servers.HOST}:{servers.free_port()}"},
                  "sources": [str(harness.write_yaml(self.folder / "s1.yaml", document))]}
        config = harness.write_yaml(self.folder / "tiderelay.yaml", daemon)

        def whole() -> bool:
            got = {file.name: file for file in harness.relay_files(self.folder / "data", "s1")}
            return all(file.name in got and got[file.name].stat().st_size == file.stat().st_size for file in files)

        self.measure("receive, tiderelay serve, synced", mib, "MiB",
                     [str(harness.BINARY), "serve", "--config", str(config)], {"source": source.pid()}, until=whole)
        got = {file.name: file for file in harness.relay_files(self.folder / "data", "s1")}
        for file in files:
            if not filecmp.cmp(file, got[file.name], shallow=False):
                raise AssertionError(f"{file.name} of the relay log is not the source's")

    def decode(self) -> None:
        _, files = self.source_with_log()
        file = max(files, key=lambda one: one.stat().st_size)
        mib = file.stat().st_size / 2**20
        ours = [str(harness.BINARY), "binlog", str(file)]
        if self.has_mover():
            self.measure("decode, tiderelay binlog", mib, "MiB", ours, {})
            self.measure("decode, tiderelay binlog --format json", mib, "MiB", [*ours, "--format", "json"], {})
        try:
            program = packages.mysql_client("mysqlbinlog")
        except Missing as missing:
            return print(f"decode, mysqlbinlog -v: left out: {missing}")
        rows_only = program.command("-v", "--base64-output=decode-rows", str(file))
        self.measure("decode, mysqlbinlog 9.7 -v", mib, "MiB", program.command("-v", str(file)), {}, program.env())
        self.measure("decode, mysqlbinlog 9.7 -v, no BINLOG", mib, "MiB", rows_only, {}, program.env())
        if self.rates.get("decode, tiderelay binlog"):
            if self.rows_shown(ours, None) != self.rows_shown(rows_only, program.env()):
                raise AssertionError("tiderelay binlog and mysqlbinlog -v show different rows")
        for peer in ("decode, mysqlbinlog 9.7 -v", "decode, mysqlbinlog 9.7 -v, no BINLOG"):
            self.ratio("decode", "decode, tiderelay binlog", peer)

    @staticmethod
    def rows_shown(command: list[str], environment: dict[str, str] | None) -> str:
        """A hash of the lines that show rows."""
        text = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        rows = subprocess.Popen(["grep", "-a", "^###"], stdin=text.stdout, stdout=subprocess.PIPE)
        return subprocess.run(["sha256sum"], stdin=rows.stdout, capture_output=True, text=True, check=True).stdout

    # -- into the target ------------------------------------------------------------------------------------------

    def apply(self) -> None:
        rows = self.scaled(100_000)
        self.contest("4-change transactions", rows,
                     lambda source: data.small_transactions(source, self.scaled(100_000), rows))
        changes = min(20_000, rows)
        self.contest("20,000-row transactions", rows,
                     lambda source: data.large_transactions(source, self.scaled(500_000) // changes + 1, changes))

    def contest(self, what: str, rows: int, write: Write) -> None:
        ours = f"{what}, tiderelay"
        if self.has_mover():
            self.guarded(ours, lambda: self.apply_ours(ours, rows, write))
        for name, syncer in DM_SYNCERS.items():
            peer = f"{what}, {name}"
            if self.guarded(peer, lambda: self.apply_dm(peer, rows, write, syncer)):  # noqa: B023
                self.ratio(what, ours, peer)

    def pair(self, rows: int) -> tuple[Server, Server]:
        source, target = self.server(self.source_kind), self.server(self.target_kind)
        data.create(source)
        data.fill(source, rows)
        self.give_back.append(harness.claim(target, [data.SCHEMA]))
        return source, target

    def apply_ours(self, name: str, rows: int, write: Write) -> None:
        source, target = self.pair(rows)
        mover = harness.mover(self.folder, {"s1": source}, target, [data.SCHEMA])
        mover.sync(3600)
        changes = write(source)
        self.measure(name, changes, "rows", mover.command("--until-synced"),
                     {"source": source.pid(), "target": target.pid()})
        self.must_be_equal(source, target)

    def apply_dm(self, name: str, rows: int, write: Write, syncer: dict[str, Any]) -> None:
        """From resume-task, so that DM's start is not counted, to the moment when all rows are equal."""
        source, target = self.pair(rows)
        with_dm = Dm(self.folder / "dm", source)
        self.give_back.append(with_dm.close)
        with_dm.start_task(target, [data.SCHEMA], "all", syncer)
        with_dm.wait("Running", "Sync")
        with_dm.ctl("pause-task", "bench")
        changes = write(source)
        wanted = data.checksum(source)
        meter = Meter({"mover": with_dm.worker_pid(), "source": source.pid(), "target": target.pid()}).start()
        with_dm.ctl("resume-task", "bench")
        until("DM to arrive", lambda: (data.checksum(target) == wanted, with_dm.status()), 3600, 0.25)
        self.report(name, changes, "rows", meter.stop())

    def full(self) -> None:
        rows = self.scaled(1_000_000)
        ours = "full phase, tiderelay"
        if self.has_mover():
            self.guarded(ours, lambda: self.full_ours(ours, rows))
        if self.guarded("full phase, DM", lambda: self.full_dm("full phase, DM", rows)):
            self.ratio("full phase", ours, "full phase, DM")

    def full_ours(self, name: str, rows: int) -> None:
        source, target = self.pair(rows)
        mover = harness.mover(self.folder, {"s1": source}, target, [data.SCHEMA], task={
            "mydumpers": {"all": {"threads": 4}}})
        self.measure(name, rows, "rows", mover.command("--until-synced"),
                     {"source": source.pid(), "target": target.pid()})
        self.must_be_equal(source, target)

    def full_dm(self, name: str, rows: int) -> None:
        source, target = self.pair(rows)
        with_dm = Dm(self.folder / "dm", source)
        self.give_back.append(with_dm.close)
        meter = Meter({"mover": with_dm.worker_pid(), "source": source.pid(), "target": target.pid()}).start()
        with_dm.start_task(target, [data.SCHEMA], "full", {})
        with_dm.wait("Finished", "Load")
        self.report(name, rows, "rows", meter.stop())
        self.must_be_equal(source, target)

    def replica(self) -> None:
        """Into MySQL 9.7, beside a replica of its own with four workers."""
        rows = self.scaled(100_000)
        write = lambda source: data.small_transactions(source, self.scaled(100_000), rows)  # noqa: E731
        target_kind, self.target_kind = self.target_kind, "mysql97"
        ours, peer = "4-change transactions into MySQL 9.7, tiderelay", "4-change transactions, MySQL 9.7 replica"
        if self.has_mover():
            self.guarded(ours, lambda: self.apply_ours(ours, rows, write))
        self.target_kind = target_kind
        if self.guarded(peer, lambda: self.apply_replica(peer, rows, write)):
            self.ratio("into MySQL 9.7", ours, peer)

    def apply_replica(self, name: str, rows: int, write: Write) -> None:
        source = self.server(self.source_kind)
        target = self.server("mysql97")
        target.execute("set global replica_parallel_workers = 4",
                       f"change replication source to source_host = '{source.host}', source_port = {source.port},"
                       f" source_user = 'repl', source_password = '{servers.REPL_PASSWORD}', source_auto_position = 1,"
                       " get_source_public_key = 1")
        data.create(source)
        data.fill(source, rows)
        target.execute("start replica")
        self.until_replica_has(source, target)
        target.execute("stop replica")
        changes = write(source)
        meter = Meter({"source": source.pid(), "target": target.pid()}).start()
        target.execute("start replica")
        self.until_replica_has(source, target)
        self.report(name, changes, "rows", meter.stop())
        self.must_be_equal(source, target)

    @staticmethod
    def until_replica_has(source: Server, target: Server) -> None:
        executed = source.query("select @@global.gtid_executed")[0][0]
        if target.query("select wait_for_executed_gtid_set(%s, 3600)", (executed,))[0][0] != 0:
            raise AssertionError("the replica does not arrive within an hour")

    def lag(self) -> None:
        rows, rate = self.scaled(100_000), 1000
        seconds = min(60.0, max(10.0, 60 * self.scale))
        if not self.has_mover():
            return
        source, target = self.pair(rows)
        source.execute(lag.CREATE)
        mover = harness.mover(self.folder, {"s1": source}, target, [data.SCHEMA])
        mover.sync(3600)
        mover.start()
        self.give_back.append(mover.end)
        assert mover.process
        meter = Meter({"mover": mover.process.pid, "source": source.pid(), "target": target.pid()}).start()
        late = lag.measure(source, target, rows, rate, seconds)
        meter.stop()
        self.report(f"lag at {rate} transactions/s", late.transactions, "trx", meter)
        print(f"    visible after p50 {late.p50:.1f} ms, p99 {late.p99:.1f} ms; the writer reached "
              f"{late.transactions / late.seconds:.0f}/s; unseen within a minute: {late.unseen}", flush=True)
        mover.stop()

    # -- the relay server -----------------------------------------------------------------------------------------

    def sidecar(self, sources: list[dict[str, Any]], name: str = "sidecar", **more: Any) -> Sidecar:
        sidecar = Sidecar(self.folder, sources, name, **more)
        self.give_back.append(sidecar.end)
        return sidecar.start()

    def serve(self) -> None:
        if self.has_mover():
            source, files = self.source_with_log(self.scaled(100_000))
            source.execute("flush logs")  # the last two files are never compressed
            packed = self.sidecar([source_document(source)], "packed", relay={"compress-sealed": "lz4"})
            serve.serve(source, files, self.sidecar([source_document(source)]), packed)

    def latency(self) -> None:
        if self.has_mover():
            source = self.server(self.source_kind)
            serve.latency(source, self.sidecar([source_document(source)]), self.scaled(10_000), 200)

    def hop(self) -> None:
        if self.has_mover():
            source, files = self.source_with_log(self.scaled(400_000))
            serve.hop(source, files, self.sidecar, self.folder)

    # -- helpers --------------------------------------------------------------------------------------------------

    @staticmethod
    def has_mover() -> bool:
        if not harness.BINARY.exists():
            print(f"tiderelay: left out: {harness.BINARY} does not exist; run make release, or set TIDERELAY")
        return harness.BINARY.exists()

    def guarded(self, name: str, run: Callable[[], None]) -> bool:
        """Runs one contender and cleans up behind it; what is not there is left out loudly."""
        if self.only and self.only not in name:
            return False
        try:
            run()
        except Missing as missing:
            print(f"{name}: left out: {missing}", flush=True)
            return False
        finally:
            self.close()
        return True

    @staticmethod
    def must_be_equal(source: Server, target: Server) -> None:
        if data.checksum(source) != data.checksum(target):
            raise AssertionError("the target's rows are not the source's")

    def report(self, name: str, amount: float, unit: str, meter: Meter) -> None:
        self.rates[name] = amount / meter.seconds
        print(line(name, amount, unit, meter), flush=True)

    def ratio(self, what: str, ours: str, peer: str) -> None:
        if ours in self.rates and peer in self.rates:
            print(f"    {what}: {self.rates[ours] / self.rates[peer]:.2f} times {peer.rpartition(', ')[2]}", flush=True)

    def measure(self, name: str, amount: float, unit: str, command: list[str], others: dict[str, int],
                environment: dict[str, str] | None = None, until: Callable[[], bool] | None = None) -> None:
        """Runs `command` to its end, which SIGTERM asks for once `until` holds; a failure is never a figure."""
        log = self.folder / "measured.log"
        with open(log, "wb") as errors:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=errors, cwd=self.folder)
            meter = Meter({"mover": process.pid, **others}).start()
            deadline = time.monotonic() + 3600
            while not ended(process.pid):  # seen as a zombie, which still has its CPU time
                pause(0.01)
                meter.see()
                if until and until():
                    process.send_signal(signal.SIGTERM)
                    until = None
                if time.monotonic() > deadline:
                    process.kill()
            meter.stop()
        code = process.wait()
        if code != 0:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{name}: exit code {code}\n{tail}")
        self.report(name, amount, unit, meter)


def ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all without any")
    parser.add_argument("--scale", type=float, default=1.0, help="of rows and transactions")
    parser.add_argument("--source", default="mysql80")
    parser.add_argument("--target", default="tidb")
    parser.add_argument("--only", default="", help="contenders with this in their name")
    arguments = parser.parse_args()
    bad = 0
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    bench = Bench(arguments)
    for name in arguments.names or NAMES:
        try:
            getattr(bench, name)()
        except (Missing, servers.StartFailed, RuntimeError, AssertionError) as problem:
            bad += 1
            print(f"{name}: FAILED: {problem}", flush=True)
        finally:
            bench.close()
    shutil.rmtree(bench.folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
