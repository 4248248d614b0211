#!/usr/bin/env python3
"""Runs the benchmarks, a line for each: rate, wall time, CPU seconds of mover, source and target, peak memory.

    python3 bench/run.py [receive|decode|apply|full]... [--scale 1.0] [--target tidb|mysql80] [--source mysql80]

The mover is build/release/tiderelay, or $TIDERELAY. Peers run beside it where they can be had: mysqlbinlog 9.7. What is
not there is named and left out; nothing is estimated. All processes share one machine's CPUs. The time is that of the
whole process, its start included: apply and full are `run --until-synced`, so they hold receiving too.
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
import shutil
import subprocess
from typing import Callable

import data
import harness
import packages
import servers
from measure import Meter, line
from packages import Missing
from servers import Server
from waiting import pause


NAMES = ("receive", "decode", "apply", "full")


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.scale: float = arguments.scale
        self.source_kind: str = arguments.source
        self.target_kind: str = arguments.target
        self.folder = servers.RUN / f"bench-{os.getpid()}"
        self.folder.mkdir(parents=True)
        self.servers: list[Server] = []
        self.give_back: list[Callable[[], None]] = []

    def close(self) -> None:
        for give_back in self.give_back:
            give_back()
        for server in self.servers:
            server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, kind: str) -> Server:
        server = servers.create(kind, name=f"{kind}-{len(self.servers)}", run=self.folder)
        self.servers.append(server)
        return server.start()

    def scaled(self, amount: int) -> int:
        return max(1000, int(amount * self.scale))

    # -- the benchmarks -------------------------------------------------------------------------------------------

    def source_with_log(self) -> tuple[Server, float]:
        """A source with a closed log of small transactions; MiB of its closed files."""
        source = self.server(self.source_kind)
        rows = self.scaled(100_000)
        data.create(source)
        data.fill(source, rows)
        data.small_transactions(source, self.scaled(200_000), rows)
        source.execute("flush logs")
        return source, sum(file.stat().st_size for file in harness.upstream_files(source)[:-1]) / 2**20

    def receive(self) -> None:
        source, mib = self.source_with_log()
        try:
            program = packages.mysql_client("mysqlbinlog")
        except Missing as missing:
            return print(f"receive, mysqlbinlog --raw: left out: {missing}")
        out = self.folder / "raw"
        out.mkdir()
        names = [file.name for file in harness.upstream_files(source)[:-1]]
        command = program.command(
            "--read-from-remote-server", "--raw", f"--host={source.host}", f"--port={source.port}", "--user=root",
            f"--password={source.password}", f"--result-file={out}/", *names)
        self.measure("receive, mysqlbinlog 9.7 --raw", mib, "MiB", command, {"source": source.pid()}, program.env())

    def decode(self) -> None:
        source, _ = self.source_with_log()
        file = max(harness.upstream_files(source)[:-1], key=lambda one: one.stat().st_size)
        mib = file.stat().st_size / 2**20
        try:
            program = packages.mysql_client("mysqlbinlog")
            self.measure("decode, mysqlbinlog 9.7 -v", mib, "MiB", program.command("-v", str(file)), {}, program.env())
        except Missing as missing:
            print(f"decode, mysqlbinlog -v: left out: {missing}")
        if self.has_mover():
            self.measure("decode, tiderelay binlog", mib, "MiB", [str(harness.BINARY), "binlog", str(file)], {})

    def apply(self) -> None:
        rows = self.scaled(100_000)
        self.apply_one("apply, transactions of 4 changes", rows,
                       lambda source: data.small_transactions(source, self.scaled(100_000), rows))
        self.apply_one("apply, transactions of 20,000 rows", rows,
                       lambda source: data.large_transactions(source, self.scaled(1_000_000) // 20_000 + 1, rows))

    def apply_one(self, name: str, rows: int, write: Callable[[Server], int]) -> None:
        if not self.has_mover():
            return
        source, target = self.server(self.source_kind), self.server(self.target_kind)
        data.create(source)
        data.fill(source, rows)
        self.give_back.append(harness.claim(target, [data.SCHEMA]))
        mover = harness.mover(self.folder, {"s1": source}, target, [data.SCHEMA], name.replace(" ", "-"))
        mover.sync(3600)
        changes = write(source)
        self.measure(f"{name} into {self.target_kind}", changes, "rows", mover.command("--until-synced"),
                     {"source": source.pid(), "target": target.pid()})
        self.give_back.pop()()

    def full(self) -> None:
        if not self.has_mover():
            return
        source, target = self.server(self.source_kind), self.server(self.target_kind)
        rows = self.scaled(1_000_000)
        data.create(source)
        data.fill(source, rows)
        self.give_back.append(harness.claim(target, [data.SCHEMA]))
        mover = harness.mover(self.folder, {"s1": source}, target, [data.SCHEMA], "full",
                              {"mydumpers": {"all": {"threads": 4}}})
        self.measure(f"full phase into {self.target_kind}", rows, "rows", mover.command("--until-synced"),
                     {"source": source.pid(), "target": target.pid()})

    # -- helpers --------------------------------------------------------------------------------------------------

    @staticmethod
    def has_mover() -> bool:
        if not harness.BINARY.exists():
            print(f"tiderelay: left out: {harness.BINARY} does not exist; run make release, or set TIDERELAY")
        return harness.BINARY.exists()

    def measure(self, name: str, amount: float, unit: str, command: list[str], others: dict[str, int],
                environment: dict[str, str] | None = None) -> None:
        """Runs `command` to its end; a failure is printed as one and never as a figure."""
        log = self.folder / "measured.log"
        with open(log, "wb") as errors:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=errors, cwd=self.folder)
            meter = Meter({"mover": process.pid, **others}).start()
            while not ended(process.pid):  # seen as a zombie, which still has its CPU time
                pause(0.01)
                meter.see()
            meter.stop()
        code = process.wait()
        if code != 0:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{name}: exit code {code}\n{tail}")
        print(line(name, amount, unit, meter), flush=True)


def ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all without any")
    parser.add_argument("--scale", type=float, default=1.0, help="of rows and transactions")
    parser.add_argument("--source", default="mysql80")
    parser.add_argument("--target", default="tidb")
    arguments = parser.parse_args()
    bad = 0
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    for name in arguments.names or NAMES:
        bench = Bench(arguments)
        try:
            getattr(bench, name)()
        except (Missing, servers.StartFailed, RuntimeError, AssertionError) as problem:
            bad += 1
            print(f"{name}: FAILED: {problem}", flush=True)
        finally:
            bench.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
