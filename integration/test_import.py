"""`tiderelay import`: a DM-Ansible deployment's files become files that the daemon runs with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import harness
from daemon import Daemon
from scenario import MoverScenario


class Import(MoverScenario):
    def run_import(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([harness.BINARY, "import", *words], capture_output=True, text=True, timeout=60)

    def test_an_inventory_and_a_task_file_are_all_that_the_daemon_needs(self) -> None:
        target = self.target_server("tidb", ["shop"])
        source = self.server("mysql57", gtid=True)
        source.execute("create database shop", "create table shop.t (id int primary key)",
                       "insert into shop.t values (1), (2)")
        inventory = self.file("inventory.ini", f"""[dm_master_servers]
dm_master ansible_host=172.16.10.71

[dm_worker_servers]
dm_worker1 ansible_host=172.16.10.72 source_id="s1" server_id=101 mysql_host={source.host} mysql_user={source.user} """
                              f"""mysql_password='{source.password}' mysql_port={source.port}
""")
        master = self.file("dm-master.toml", '[[deploy]]\nsource-id = "s1"\ndm-worker = "172.16.10.72:8262"\n')
        task = harness.write_yaml(self.folder / "task.yaml", harness.task_document("test", target, ["s1"], ["shop"]))
        folder = self.folder / "new"
        done = self.run_import(inventory, master, task, "--output", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(done.stdout.split()),
                         [f"{folder}/{name}" for name in ("sources/s1.yaml", "tasks/test.yaml", "tiderelay.yaml")])
        self.assertEqual((folder / "sources/s1.yaml").stat().st_mode & 0o777, 0o600)
        daemon = Daemon(self.folder)
        self.addCleanup(daemon.end)
        daemon.launch("--config", str(folder / "tiderelay.yaml"), "--listen", f"127.0.0.1:{daemon.port}")

        def look() -> tuple[bool, object]:
            try:
                rows = target.query("select id from shop.t order by id")
            except Exception as error:  # not there yet
                return False, (error, daemon.tail())
            return rows == [(1,), (2,)], rows
        self.until("the rows are there", look, 60)
        again = self.run_import(inventory, "--output", folder)
        self.assertEqual((again.returncode, "exists already" in again.stderr), (2, True), again.stderr)

    def test_what_the_files_do_not_say_is_named(self) -> None:
        master = self.file("dm-master.toml", '[[deploy]]\nsource-id = "s1"\ndm-worker = "172.16.10.72:8262"\n')
        done = self.run_import(master, "--output", self.folder / "new")
        self.assertEqual((done.returncode, "to be filled in: sources/s1.yaml" in done.stderr), (1, True), done.stderr)
        self.assertEqual(self.run_import("no.ini", "--output", self.folder / "other").returncode, 2)
