"""A real Prometheus reads /metrics and the rules of deploy/alerts.yaml; the dashboard's queries all find something."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from typing import Any

import harness
import servers
from harness import TOP
from packages import HERE
from scenario import only_long
from test_daemon import ROWS, DaemonScenario

RULES = TOP / "deploy" / "alerts.yaml"


class Prometheus(DaemonScenario):
    def program(self, name: str) -> str:
        found = shutil.which(name)
        if not found:
            self.skipTest(f"no {name} (apt-get install prometheus)")
        return found

    def test_the_rules_do_what_they_say(self) -> None:
        program = self.program("promtool")
        for words in (["check", "rules", str(RULES)], ["test", "rules", str(HERE / "alerts_test.yaml")]):
            done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tested = set(re.findall(r"alertname: (\w+)", (HERE / "alerts_test.yaml").read_text()))
        self.assertEqual(tested, set(re.findall(r"alert: (\w+)", RULES.read_text())), "each rule has its test")

    def scraping(self, port: int) -> str:
        """A Prometheus that scrapes the daemon each second, with rules that fire at once; its address."""
        rules = self.file("alerts.yaml", re.sub(r"for: \d+m", "for: 0s", RULES.read_text()))
        config = harness.write_yaml(self.folder / "prometheus.yaml", {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "tiderelay", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]})
        own = servers.free_port()
        with open(self.folder / "prometheus.log", "wb") as log:
            process = subprocess.Popen(
                [self.program("prometheus"), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{own}",
                 f"--storage.tsdb.path={self.folder / 'tsdb'}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return f"http://127.0.0.1:{own}/api/v1"

    @staticmethod
    def get(address: str) -> Any:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError as problem:
            return {"problem": str(problem)}

    @only_long
    def test_a_server_reads_metrics_rules_and_the_dashboards_queries(self) -> None:
        self.program("prometheus")
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        *source_files, task = map(str, self.files([source], target))
        daemon = self.daemon()
        api = self.scraping(daemon.port)
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, [source], target)
        self.fill(source, 0, ROWS)
        self.wait_synced(daemon, [source], target)
        self.until("it is scraped", lambda: ('"up"' in (state := json.dumps(self.get(f"{api}/targets"))), state))
        dashboard = json.loads((TOP / "deploy" / "grafana.json").read_text())
        queries = [one["expr"] for panel in dashboard["panels"] for one in panel.get("targets", [])]
        self.assertGreater(len(queries), 5)
        for query in queries:
            words = query.replace("$task", ".*").replace("$source", ".*")
            address = f"{api}/query?{urllib.parse.urlencode({'query': words})}"
            self.until(f"{words} finds something", lambda: (bool((found := self.get(address)).get("result")), found))

        def firing() -> list[str]:
            return [one["labels"]["alertname"] for one in self.get(f"{api}/alerts").get("alerts", [])
                    if one["state"] == "firing"]

        self.assertEqual(set(firing()) - {"DM_remain_storage_of_relay_log"}, set(), "all is well")
        target.execute("insert into test_db.test_table values (90001, 'mine')")
        source.execute("insert into test_db.test_table values (90001, 'theirs')")
        self.until("alerts on the paused task", lambda: (
            {"DM_task_state", "DM_sync_process_exists_with_error"} <= set(now := firing()), now))
        target.execute("delete from test_db.test_table where id = 90001")
        self.must(daemon, "resume-task", "test")
        self.until("the alert ends", lambda: ("DM_task_state" not in (now := firing()), now))
