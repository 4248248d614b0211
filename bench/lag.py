"""How late rows are visible in the target while the source takes transactions at a fixed rate.

One process writes: each transaction is sysbench's of four changes, every tenth also inserts a numbered row and notes
when its COMMIT was answered. Another asks the target for new numbers again and again and notes when each is seen first.
So the figures hold the time of the question itself, a few milliseconds, and what the machine's other work adds.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from pymysql.constants import CLIENT

import data
from servers import Server
from waiting import pause

PROBE_EVERY = 10
CREATE = f"create table {data.SCHEMA}.probe (id int primary key)"


@dataclass
class Lag:
    transactions: int
    seconds: float
    p50: float  # milliseconds
    p99: float
    unseen: int


def _write(server: Server, rows: int, rate: int, seconds: float, out: "Connection[Any, Any]") -> None:
    draw = random.Random(7)
    acked: list[float] = []
    with server.connect(data.SCHEMA, client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        began = time.monotonic()
        count = 0
        while time.monotonic() - began < seconds:
            behind = began + count / rate - time.monotonic()
            if behind > 0:
                pause(behind)
            probe = count % PROBE_EVERY == 0
            sql = data.transaction(draw, rows)
            if probe:
                sql = sql.replace("commit;", f"insert into probe values ({len(acked) + 1});commit;")
            cursor.execute(sql)
            while cursor.nextset():
                pass
            if probe:
                acked.append(time.monotonic())
            count += 1
        out.send((count, time.monotonic() - began, acked))


def _look(server: Server, seconds: float, stop: Any, out: "Connection[Any, Any]") -> None:
    seen: dict[int, float] = {}
    low = 0  # all numbers up to it were seen
    with server.connect(data.SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (stop.value and low >= stop.value):
            cursor.execute("select id from probe where id > %s", (low,))
            now = time.monotonic()
            for (number,) in cursor.fetchall():
                seen.setdefault(number, now)
            while low + 1 in seen:
                low += 1
            pause(0.002)
    out.send(seen)


def measure(source: Server, target: Server, rows: int, rate: int, seconds: float) -> Lag:
    """REQUIRES: the mover runs, and the target has the probe table."""
    context = multiprocessing.get_context("fork")
    from_writer, writer_end = context.Pipe(duplex=False)
    from_looker, looker_end = context.Pipe(duplex=False)
    stop = context.Value("i", 0)
    looker = context.Process(target=_look, args=(target, seconds + 60, stop, looker_end))
    writer = context.Process(target=_write, args=(source, rows, rate, seconds, writer_end))
    looker.start()
    writer.start()
    count, took, acked = from_writer.recv()
    stop.value = len(acked)
    seen = from_looker.recv()
    writer.join()
    looker.join()
    late = sorted((seen[number] - at) * 1000 for number, at in enumerate(acked, 1) if number in seen)
    if not late:
        raise AssertionError("no row of the source was seen in the target")
    return Lag(count, took, late[len(late) // 2], late[min(len(late) - 1, len(late) * 99 // 100)],
               len(acked) - len(late))
