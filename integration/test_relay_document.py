"""docs/relay-server.md runs as it stands: its files and commands, with the addresses of real servers put in."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import harness
import servers
import workload
from followers import LISTENING, Replica, binlog_tool
from scenario import only_long
from servers import Server
from test_hops import HopScenario
from waiting import until

PAGE = harness.TOP / "docs/relay-server.md"


def block(after: str) -> str:
    """The first indented block behind these words."""
    text = PAGE.read_text().partition(after)[2]
    assert text, f"{PAGE.name} does not say: {after}"
    found = re.search(r"(?:^    .*\n)+", text, re.M)
    assert found, after
    return "\n".join(line[4:] for line in found[0].splitlines()).strip() + "\n"


class RelayDocument(HopScenario):
    def place(self, name: str, after: str, **swaps: str) -> Path:
        """A folder with the page's tiderelay.yaml; keys of `swaps` are words that stand once or more in it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        text = self.swapped(block(after), swaps)
        (folder / "tiderelay.yaml").write_text(text)
        return folder

    def swapped(self, text: str, swaps: dict[str, str]) -> str:
        for word, other in swaps.items():
            self.assertIn(word, text)
            text = text.replace(word, other)
        return text

    def serve(self, folder: Path, listens: bool = True) -> None:
        self.assertIn("tiderelay serve --config tiderelay.yaml", PAGE.read_text())
        with open(folder / "serve.log", "wb") as log:
            process = subprocess.Popen([str(harness.BINARY), "serve", "--config", "tiderelay.yaml"], cwd=folder,
                                       stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        if listens:
            until("it listens", lambda: (LISTENING in self.log(folder), self.log(folder)), 60)

    @staticmethod
    def log(folder: Path) -> str:
        return (folder / "serve.log").read_text(errors="replace")

    def has_all(self, folder: Path, source_id: str, source: Server) -> tuple[bool, Any]:
        data = folder / "data"
        files = {file.name: file.read_bytes() for file in harness.relay_files(data, source_id)}
        theirs = {file.name: file.read_bytes() for file in harness.upstream_files(source)[:-1]}
        missing = [name for name in theirs if files.get(name) != theirs[name]]
        return not missing, (missing, self.log(folder)[-800:])

    def source(self, seed: int) -> Server:
        source = self.server("mysql80")
        workload.create_tables(source)
        workload.Writer(source, seed=seed).write(40)
        source.execute("flush logs")
        return source

    def sidecar_page(self, source: Server, port: int, api: int) -> Path:
        swaps = {
            "/var/lib/tiderelay": "data",
            "mysql-bin-changelog.000001": harness.upstream_files(source)[0].name,
            "orders.cluster-abc.eu-west-1.rds.amazonaws.com, port: 3306": f"{source.host}, port: {source.port}",
            "0.0.0.0:3307": f"127.0.0.1:{port}",
            "10.0.0.0/8": "127.0.0.0/8",
        }
        folder = self.place("sidecar", "## A sidecar beside a source", **swaps)
        (folder / "tiderelay.yaml").write_text((folder / "tiderelay.yaml").read_text()
                                               + f'api: {{listen: "127.0.0.1:{api}"}}\n')
        (folder / "repl.pw").write_text(servers.REPL_PASSWORD)
        (folder / "follower.pw").write_text("secret-of-follower")
        for file in ("repl.pw", "follower.pw"):
            os.chmod(folder / file, 0o600)
        return folder

    def test_a_sidecar_its_followers_and_a_relay_behind_it(self) -> None:
        source, port = self.source(71), servers.free_port()
        folder = self.sidecar_page(source, port, servers.free_port())
        self.serve(folder)
        sql = self.swapped(block("A replica follows it like this"), {
            "'relay', SOURCE_PORT=3307": f"'127.0.0.1', SOURCE_PORT={port}", "'...'": "'secret-of-follower'"})
        replicas = [Replica(self.server("mysql80")) for _ in range(2)]  # fan out: any number of them
        for replica in replicas:
            replica.server.execute(*[one for one in sql.split(";") if one.strip()])
        for replica in replicas:
            self.equal(source, replica)
        self.read_with_mysqlbinlog(source, port)
        self.chain(source, port)

    def read_with_mysqlbinlog(self, source: Server, port: int) -> None:
        names = harness.upstream_files(source)
        line = self.swapped(block("mean the\nsame on both."), {
            "--host=relay --port=3307": f"--host=127.0.0.1 --port={port}", " -p ": " --password=secret-of-follower ",
            " --stop-never": " --to-last-log", "mysql-bin-changelog.000042": names[0].name})
        words = line.split()
        self.assertEqual(words[0], "mysqlbinlog")
        program = binlog_tool("mysql97")
        out = self.folder / "raw"
        out.mkdir()
        done = subprocess.run(program.command("--no-defaults", *words[1:]), env=program.env(), cwd=out, text=True,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        for file in names[:-1]:
            self.assertEqual((out / file.name).read_bytes(), file.read_bytes(), file.name)

    def chain(self, source: Server, port: int) -> None:
        folder = self.place("chain", "makes\na chain", **{
            "/var/lib/tiderelay": "data", "relay, port: 3307": f"127.0.0.1, port: {port}",
            "mysql-bin-changelog.000001": harness.upstream_files(source)[0].name,
            "0.0.0.0:3307": f"127.0.0.1:{servers.free_port()}"})
        (folder / "tiderelay.yaml").write_text((folder / "tiderelay.yaml").read_text()
                                               + f'api: {{listen: "127.0.0.1:{servers.free_port()}"}}\n')
        (folder / "follower.pw").write_text("secret-of-follower")
        os.chmod(folder / "follower.pw", 0o600)
        self.serve(folder)
        until("the chain's end has all", lambda: self.has_all(folder, "orders", source), 60)

    @only_long
    def test_a_hop(self) -> None:
        sources = {"orders": self.source(81), "stock": self.source(82)}
        port = servers.free_port()
        folders = {
            "near": self.place("near", "near, `tiderelay.yaml`", **{
                "/var/lib/tiderelay": "data", "hop.example:3308": f"127.0.0.1:{port}"}),
            "far": self.place("far", "far, `tiderelay.yaml`", **{
                "/var/lib/tiderelay": "data", "0.0.0.0:3308": f"127.0.0.1:{port}", "hop:3308": f"hop:{port}"})}
        for folder in folders.values():
            subprocess.run(["bash", "-ec", block("The certificates, with openssl")], cwd=self.folder, check=True,
                           capture_output=True)
            config = folder / "tiderelay.yaml"
            config.write_text(config.read_text() + f'api: {{listen: "127.0.0.1:{servers.free_port()}"}}\n')
        for file in self.folder.glob("*.pem"):
            for folder in folders.values():
                (folder / file.name).write_bytes(file.read_bytes())
                os.chmod(folder / file.name, 0o600)
        for name, source in sources.items():
            first = harness.upstream_files(source)[0].name
            harness.write_yaml(folders["near"] / f"{name}.yaml",
                               harness.source_document(name, source, relay_binlog_name=first))
            far = (folders["far"] / "tiderelay.yaml")
            far.write_text(far.read_text().replace(f"source-id: {name}\n",
                                                   f"source-id: {name}\n    relay-binlog-name: {first}\n"))
        self.serve(folders["far"], listens=False)
        self.serve(folders["near"], listens=False)
        for name, source in sources.items():
            until(f"far has {name}", lambda: self.has_all(folders["far"], name, source), 90)  # noqa: B023
