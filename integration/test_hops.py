"""Hops: the source's side dials out, the target's side reads through it; links are cut, both sides killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import servers
import workload
from followers import USER, Sidecar, source_document
from proxy import Proxy
from scenario import only_long
from servers import Server
from test_followers import ROUND, FollowerScenario
from test_relay import first_difference
from waiting import until


def certificates(folder: Path, *names: str) -> dict[str, dict[str, str]]:
    """A CA, and for each name a certificate that it signed, as `tls` maps."""
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca",
            "-keyout", "ca-key.pem", "-out", "ca.pem")
    maps = {}
    for name in names:
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}-key.pem",
                "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.pem")
        maps[name] = {"ssl-ca": str(folder / "ca.pem"), "ssl-cert": str(folder / f"{name}.pem"),
                      "ssl-key": str(folder / f"{name}-key.pem")}
    return maps


def behind_hop(source_id: str, source: Server, port: int) -> dict[str, Any]:
    """A source that is read through whoever dials in at `port`; its user is the source's id there."""
    return source_document(source, source_id, from_host=f"hop:{port}", from_port=1, from_user=source_id,
                           from_password="")


class HopScenario(FollowerScenario):
    def same_bytes(self, relay: Sidecar, source_id: str, source: Server) -> tuple[bool, Any]:
        theirs = {file.name: file for file in harness.upstream_files(source)}
        ours = harness.relay_files(relay.data, source_id)
        if {file.name for file in ours} != set(theirs):
            return False, f"{[file.name for file in ours]} here, {sorted(theirs)} there\n{relay.tail(5)}"
        for file in ours[:-1]:
            difference = first_difference(file, theirs[file.name])
            if difference:
                return False, f"{file.name}: {difference}"
        return True, f"{len(ours)} files"


class Hops(HopScenario):
    def test_two_sources_over_a_hop_that_is_cut_and_killed(self) -> None:
        """near dials out to far through a proxy; each dies by kill -9, the link is cut, nothing is lost or doubled."""
        sources = {name: self.server("mysql57") for name in ("s1", "s2")}
        for source in sources.values():
            workload.create_tables(source)
        tls = certificates(self.folder, "near", "far")
        port = servers.free_port()
        link = Proxy(servers.HOST, port)
        self.addCleanup(link.close)
        far = self.sidecar([behind_hop(name, source, port) for name, source in sources.items()], "far",
                           hops={"accept": [{"listen": f"127.0.0.1:{port}", "tls": tls["far"]}]})
        near = self.sidecar([source_document(source, name) for name, source in sources.items()], "near",
                            hops={"dial": [{"to": f"127.0.0.1:{link.port}", "serve": ["s1", "s2"],
                                            "tls": tls["near"]}]})
        writers = [workload.Writer(source, seed=at) for at, source in enumerate(sources.values(), 61)]
        for writer in writers:
            writer.start()
        for trouble in (far.kill, near.kill, link.cut_all):
            before = [writer.transactions for writer in writers]
            until("some writes", lambda: (all(writer.transactions > then + ROUND for writer, then
                                              in zip(writers, before)), before), 60)
            trouble()
            for source in sources.values():
                source.execute("flush logs")
            for relay in (far, near):
                if relay.process and relay.process.poll() is not None:
                    relay.start()
        for writer in writers:
            writer.stop()
        for name, source in sources.items():
            source.execute("flush logs")
            until(f"{name}: the source's bytes at the far end",
                  lambda: self.same_bytes(far, name, source), 120)  # noqa: B023
            self.assertEqual(far.query("select @@server_uuid", f"{USER}@{name}"),
                             list(source.query("select @@server_uuid")))

    @only_long
    def test_who_shows_no_certificate_of_the_right_ca_gets_nothing(self) -> None:
        source = self.server("mysql57")
        workload.create_tables(source)
        (self.folder / "a").mkdir()
        (self.folder / "b").mkdir()
        ours, theirs = certificates(self.folder / "a", "near", "far"), certificates(self.folder / "b", "near")
        port = servers.free_port()
        far = self.sidecar([behind_hop("s1", source, port)], "far",
                           hops={"accept": [{"listen": f"127.0.0.1:{port}", "tls": ours["far"]}]})
        self.sidecar([source_document(source, "s1")], "stranger",
                     hops={"dial": [{"to": f"127.0.0.1:{port}", "tls": theirs["near"]}]})
        until("the stranger is refused", lambda: ("TLS" in far.tail(200), far.tail(5)), 60)
        self.assertEqual(harness.relay_files(far.data, "s1"), [])
        self.sidecar([source_document(source, "s1")], "near",
                     hops={"dial": [{"to": f"127.0.0.1:{port}", "tls": ours["near"]}]})
        until("the right relay is read", lambda: (bool(harness.relay_files(far.data, "s1")), far.tail(5)), 90)


class Networks:
    """Two networks and a border between them that forwards no packets: a program there passes on what near dials."""

    NEAR, BORDER_NEAR, BORDER_FAR, FAR = "10.99.1.2", "10.99.1.1", "10.99.2.1", "10.99.2.2"

    def __init__(self) -> None:
        mark = f"t{os.getpid() % 100_000}"
        self.near, self.border, self.far = f"{mark}near", f"{mark}border", f"{mark}far"
        for name in (self.near, self.border, self.far):
            self.ip("netns", "add", name)
            self.inside(name, "ip", "link", "set", "lo", "up")
        for side, outer, inner in ((self.near, self.NEAR, self.BORDER_NEAR), (self.far, self.FAR, self.BORDER_FAR)):
            self.ip("link", "add", f"{side}0", "netns", side, "type", "veth", "peer", f"{side}1", "netns", self.border)
            for name, device, address in ((side, f"{side}0", outer), (self.border, f"{side}1", inner)):
                self.inside(name, "ip", "address", "add", f"{address}/24", "dev", device)
                self.inside(name, "ip", "link", "set", device, "up")
            self.inside(side, "ip", "route", "add", "default", "via", inner)
        self.inside(self.border, "sysctl", "-qw", "net.ipv4.ip_forward=0")

    @staticmethod
    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    @staticmethod
    def prefix(name: str) -> list[str]:
        return ["ip", "netns", "exec", name]

    def inside(self, name: str, *words: str) -> None:
        subprocess.run([*self.prefix(name), *words], check=True, capture_output=True)

    def reaches(self, name: str, address: str, port: int) -> bool:
        words = [sys.executable, "-c", f"import socket; socket.create_connection(('{address}', {port}), 2)"]
        return subprocess.run([*self.prefix(name), *words], capture_output=True).returncode == 0

    def remove(self) -> None:
        for name in (self.near, self.border, self.far):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


FORWARDER = """
import socket, threading
def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
listener = socket.create_server(({here!r}, {port}))
while True:
    client, _ = listener.accept()
    try:
        server = socket.create_connection(({there!r}, {port}), 5)
    except OSError:
        client.close()
        continue
    server.settimeout(None)
    for ends in ((client, server), (server, client)):
        threading.Thread(target=pump, args=ends, daemon=True).start()
"""


class OneWay(HopScenario):
    @only_long
    def test_across_a_border_that_only_the_near_side_may_dial_over(self) -> None:
        if os.getuid() != 0 or not shutil.which("ip"):
            self.skipTest("network namespaces need root and iproute2")
        networks = Networks()
        self.addCleanup(networks.remove)
        source = self.server("mysql57")
        workload.create_tables(source)
        tls = certificates(self.folder, "near", "far")
        port = servers.free_port()
        script = self.file("forwarder.py", FORWARDER.format(here=networks.BORDER_NEAR, there=networks.FAR, port=port))
        forwarder = subprocess.Popen([*networks.prefix(networks.border), sys.executable, str(script)])
        self.addCleanup(lambda: (forwarder.kill(), forwarder.wait()))
        near_document = source_document(source, "s1", from_host=source.socket_path(), from_password="")
        far = Sidecar(self.folder, [behind_hop("s1", source, port)], "far",
                      hops={"accept": [{"listen": f"{networks.FAR}:{port}", "tls": tls["far"]}]})
        near = Sidecar(self.folder, [near_document], "near",
                       hops={"dial": [{"to": f"{networks.BORDER_NEAR}:{port}", "tls": tls["near"]}]})
        far.prefix, near.prefix = networks.prefix(networks.far), networks.prefix(networks.near)
        for relay in (far, near):
            self.addCleanup(relay.end)
            relay.start()
        self.assertTrue(networks.reaches(networks.far, networks.FAR, port), "far listens")
        self.assertFalse(networks.reaches(networks.far, networks.NEAR, near.port), "far cannot dial near")
        self.assertFalse(networks.reaches(networks.near, networks.FAR, port), "nor near far, but over the border")
        workload.Writer(source, seed=91).write(2 * ROUND)
        source.execute("flush logs")
        until("the source's bytes at the far end", lambda: self.same_bytes(far, "s1", source), 120)
        near.kill()
        workload.Writer(source, seed=92).write(ROUND)
        near.start()
        source.execute("flush logs")
        until("the source's bytes at the far end", lambda: self.same_bytes(far, "s1", source), 120)

