"""The relay server beside the source it stands for: followers by number, how late they get what the source commits,
and hops. The followers are bench/follow_bench.cc, the same program for both; its bytes are compared.

Latency: one follower reads from the source itself and one from the relay at the same time; both note when each
transaction's last event has arrived. The relay's part is the difference, transaction by transaction.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import data
import followers
import harness
import servers
import test_hops
from followers import PASSWORD, USER, Sidecar
from measure import Meter, cpu_seconds, line
from servers import Server
from waiting import pause, until

FOLLOWERS = {1: 10, 10: 3, 100: 1}  # and how often the log is read: short runs are below the clock's 10 ms
TOOL = harness.BINARY.parent / "bench/follow_bench"
PROBE = f"create table {data.SCHEMA}.probe (id int primary key, pad varchar(100))"


def tool(*words: object) -> list[str]:
    if not TOOL.exists():
        raise RuntimeError(f"{TOOL} does not exist: make bench builds it")
    return [str(TOOL), *map(str, words)]


def from_source(source: Server) -> list[object]:
    return [source.host, source.port, source.user, source.password]


def from_relay(relay: Sidecar) -> list[object]:
    return [relay.host, relay.port, USER, PASSWORD]


def pid_of(relay: Sidecar) -> int:
    assert relay.process
    return relay.process.pid


def received(source: Server, relay: Sidecar, user: str = USER) -> None:
    until("the relay has the source's log", lambda: followers.caught_up(source, relay, user), 3600)


@dataclass
class Served:
    cpu_per_gib: float
    got_bytes: int


def serve_to(name: str, sender: int, whom: list[object], file: str, count: int) -> Served:
    rounds, got = FOLLOWERS[count], 0
    meter = Meter({"sender": sender}).start()
    children = os.times()
    for _ in range(rounds):
        done = subprocess.run(tool(*whom, file, 4, count), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")
        got += int(done.stdout)
    meter.stop()
    after = os.times()
    meter.used["followers"] = after[2] + after[3] - children[2] - children[3]
    mib = got / 2**20
    print(line(name, mib, "MiB", meter), flush=True)
    print(f"    {meter.used['sender'] / rounds / count * 1000:.1f} ms of the sender for each follower that reads "
          f"{mib / rounds / count:.0f} MiB", flush=True)
    return Served(meter.used["sender"] / mib * 1024, got)


def packed_file(relay: Sidecar, name: str) -> tuple[bool, str]:
    found = list((relay.data / "sources/s1/relay").glob(f"*/{name}*"))
    return [file.suffix for file in found] == [".lz4"], str(found)


def serve(source: Server, files: list[Path], relay: Sidecar, packed: Sidecar) -> None:
    """REQUIRES: both relays follow the source, `packed` compresses, and `files` are closed files of the source."""
    received(source, relay)
    received(source, packed)
    for one in files:
        until("files are compressed", lambda: packed_file(packed, one.name), 600)  # noqa: B023
    file = files[0].name
    used: dict[tuple[str, int], Served] = {}
    for count in FOLLOWERS:
        used["source", count] = serve_to(f"serve {count} followers, {source.kind}", source.pid(), from_source(source),
                                         file, count)
        used["relay", count] = serve_to(f"serve {count} followers, tiderelay", pid_of(relay), from_relay(relay), file,
                                        count)
        used["packed", count] = serve_to(f"serve {count} followers, tiderelay, lz4 files", pid_of(packed),
                                         from_relay(packed), file, count)
        if len({used[who, count].got_bytes for who in ("source", "relay", "packed")}) != 1:
            raise AssertionError("followers of the relay got another amount than followers of the source")
        print(f"    serve: {used['source', count].cpu_per_gib / used['relay', count].cpu_per_gib:.2f} times less CPU "
              f"than {source.kind}", flush=True)
    times = used["relay", 100].cpu_per_gib / used["relay", 10].cpu_per_gib
    print(f"    100 followers: {times:.2f} times the CPU a GiB of 10", flush=True)


# -- latency ----------------------------------------------------------------------------------------------------------

class Arrivals:
    """A follower that notes when transactions arrive."""

    def __init__(self, whom: list[object], file: str, position: int, transactions: int) -> None:
        self.process = subprocess.Popen(tool(*whom, file, position, 1, transactions), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout and self.process.stdout.readline() == "ready\n", "the follower does not start"

    def milliseconds(self) -> list[float]:
        out, _ = self.process.communicate(timeout=600)
        return [int(word) / 1e6 for word in out.split()]


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    return (f"p50 {ordered[len(ordered) // 2]:.2f} ms, p99 {ordered[len(ordered) * 99 // 100]:.2f} ms, "
            f"max {ordered[-1]:.2f} ms")


def commits(source: Server, transactions: int, rate: int) -> list[float]:
    """One row a transaction at a steady rate; when each COMMIT was answered, in milliseconds."""
    answered = []
    with source.connect(data.SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
        began = time.monotonic()
        for number in range(1, transactions + 1):
            behind = began + number / rate - time.monotonic()
            if behind > 0:
                pause(behind)
            cursor.execute(f"insert into probe values ({number}, repeat('p', 100))")
            answered.append(time.monotonic() * 1000)
    return answered


def latency(source: Server, relay: Sidecar, transactions: int, rate: int) -> None:
    data.create(source)
    source.execute(PROBE)
    received(source, relay)
    file, position = source.query("show master status")[0][:2]
    direct = Arrivals(from_source(source), file, position, transactions)
    behind = Arrivals(from_relay(relay), file, position, transactions)
    meter = Meter({"relay": pid_of(relay), "source": source.pid()}).start()
    answered = commits(source, transactions, rate)
    at_direct, at_relay = direct.milliseconds(), behind.milliseconds()
    meter.stop()
    print(line(f"latency at {rate} commits/s", transactions, "trx", meter), flush=True)
    for name, arrived in (("direct", at_direct), ("through the relay", at_relay)):
        print(f"    commit answered to follower, {name}: "
              f"{percentiles([at - then for at, then in zip(arrived, answered)])}", flush=True)
    print(f"    what the relay adds: {percentiles([two - one for one, two in zip(at_direct, at_relay)])}", flush=True)


# -- hops -------------------------------------------------------------------------------------------------------------

Start = Callable[..., Sidecar]


def hop(source: Server, files: list[Path], start: Start, folder: Path) -> None:
    """far receives the whole log of near: as a replica that dials near, and over a hop. TLS both times."""
    mib = sum(file.stat().st_size for file in files) / 2**20
    tls = test_hops.certificates(folder, "near", "far")
    port = servers.free_port()
    near = start([followers.source_document(source)], "near", hops={
        "dial": [{"to": f"127.0.0.1:{port}", "serve": ["s1"], "tls": tls["near"]}]})
    received(source, near)
    used = cpu_seconds(pid_of(near))
    plain = start([harness.source_document(
        "s1", source, relay_binlog_name=files[0].name, from_host=near.host, from_port=near.port, from_user=USER,
        from_password=PASSWORD)], "plain")
    measure_hop("far behind near, which it dials, TLS", mib, near, used, plain, source)
    near.stop()
    far = start([test_hops.behind_hop("s1", source, port)], "far", hops={
        "accept": [{"listen": f"127.0.0.1:{port}", "tls": tls["far"]}]})
    near.start()  # dials at once
    measure_hop("far behind near, which dials it (a hop), TLS", mib, near, 0.0, far, source)


def measure_hop(name: str, mib: float, near: Sidecar, used: float, far: Sidecar, source: Server) -> None:
    """The time counts from far's first bytes on, the CPU of far from its start, of near what is above `used`."""
    meter = Meter({"near": pid_of(near), "far": pid_of(far)}).start()
    meter.before = {"near": used, "far": 0.0}
    until("far receives", lambda: (bool(harness.relay_files(far.data, "s1")), far.tail(5)), 120, 0.01)
    meter.began = time.monotonic()
    until("far has the source's log", lambda: followers.caught_up(source, far), 3600, 0.02)
    meter.stop()
    print(line(name, mib, "MiB", meter), flush=True)
    far.stop()
