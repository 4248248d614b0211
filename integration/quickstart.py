#!/usr/bin/env python3
"""The walk-through on real servers: two MySQL 5.7 sources being written to, one merged table, the comparison.

Everything runs on loopback in integration/.run and is stopped and removed at the end. Safe to run again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
os.environ.setdefault("TIDERELAY", str(TOP / "build/release/tiderelay"))

import system_python

system_python.ensure()

import contextlib
import shutil
import time
from typing import Any

import compare
import harness
import servers
from daemon import Daemon
from packages import Missing
from servers import Server
from waiting import until

SCHEMA, TABLE, TASK, ROWS, SECONDS = "test_db", "test_table", "test", 20000, 10


def make_target(folder: Path) -> Server:
    try:
        return servers.create("tidb", name="target", run=folder)
    except Missing as missing:
        print(f"the target is MySQL 8.0, because there is {missing}")
        return servers.create("mysql80", name="target", run=folder)


def make_source(folder: Path, number: int) -> Server:
    server = servers.create("mysql57", name=f"source-{number}", run=folder, durable=True).start()
    server.execute(f"create database {SCHEMA}",
                   f"create table {SCHEMA}.{TABLE} (id int primary key, name varchar(40), made datetime)")
    with server.connect(SCHEMA) as connection, connection.cursor() as cursor:
        cursor.executemany(f"insert into {TABLE} values (%s, %s, now())",
                           [(at * 2 + number % 2, f"row {at}") for at in range(ROWS)])
    return server


def write_for_a_while(sources: list[Server]) -> int:
    """Inserts into both sources for some seconds while the daemon runs; returns the rows."""
    key, end = ROWS * 2 + 2, time.monotonic() + SECONDS
    with contextlib.ExitStack() as stack:
        cursors = [stack.enter_context(stack.enter_context(source.connect(SCHEMA)).cursor()) for source in sources]
        written = 0
        while time.monotonic() < end:
            for number, cursor in enumerate(cursors, 1):
                cursor.execute(f"insert into {TABLE} values (%s, 'new', now())", (key + number % 2,))
                written += 1
            key += 2
    return written


class Walk:
    """The tutorial's steps (docs/tutorial.md), each printed as a person would type it."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        self.folder, self.daemon = folder, daemon

    def step(self, *words: str) -> dict[str, Any]:
        print(f"+ tiderelay ctl --addr 127.0.0.1:{self.daemon.port}",
              *(os.path.relpath(word) if word.startswith("/") else word for word in words), flush=True)
        code, answer = self.daemon.ask(*words)
        if code != 0:
            raise AssertionError(f"{answer}\n{self.daemon.tail()}")
        return answer

    def shares(self) -> list[dict[str, Any]]:
        answer = self.daemon.ask("query-status", TASK)[1]
        return [task for source in answer.get("sources", []) for task in source["subTaskStatus"]]

    def synced(self) -> tuple[bool, Any]:
        shares = self.shares()
        return len(shares) == 2 and all(share.get("sync", {}).get("synced") for share in shares), shares


def walk(folder: Path) -> int:
    target = make_target(folder).start()
    give_back = harness.claim(target, [SCHEMA])
    sources = [make_source(folder, number) for number in (1, 2)]
    for server in (*sources, target):
        print(server.description())
    named = {f"mysql-replica-0{number}": source for number, source in enumerate(sources, 1)}
    files = [harness.write_yaml(folder / f"{name}.yaml", harness.source_document(name, source))
             for name, source in named.items()]
    task = harness.write_yaml(folder / "task.yaml", harness.task_document(TASK, target, list(named), [SCHEMA]))
    daemon = Daemon(folder)
    try:
        daemon.start()
        print(f"tiderelay serve is running; its status page: http://127.0.0.1:{daemon.port}/", flush=True)
        steps = Walk(folder, daemon)
        steps.step("operate-source", "create", *map(str, files))
        steps.step("check-task", str(task))
        steps.step("start-task", str(task))
        written = write_for_a_while(sources)
        print(f"{written} rows written to the sources while they are copied and followed")
        began = time.monotonic()
        until("both sources in sync", steps.synced, 300)
        compare.until_equal(sources, target, SCHEMA, [TABLE])
        count = target.query(f"select count(*) from {SCHEMA}.{TABLE}")[0][0]
        lag = max(share["tiderelay"]["lagSeconds"] for share in steps.shares())
        print(f"{count} rows in the target, equal to the union of both sources; lag {lag:.1f} s,"
              f" {time.monotonic() - began:.1f} s after the last write (comparison included)")
        steps.step("stop-task", TASK)
        if daemon.stop() != 0:
            raise AssertionError(daemon.tail())
    finally:
        daemon.end()
        give_back()
    return 0


def main() -> int:
    folder = servers.RUN / f"quickstart-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        return walk(folder)
    except (Missing, servers.StartFailed, AssertionError) as problem:
        print(f"quickstart failed: {problem}", file=sys.stderr)
        return 1
    finally:
        for server in [server for server in servers.all_servers() if folder in server.home.parents]:
            server.remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
