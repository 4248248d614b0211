"""The daemon's HTTP side: DM's paths, metrics, events, tokens, TLS, hostile requests; the page in a real browser."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
from typing import Any

import harness
from daemon import Daemon
from scenario import only_long
from test_daemon import ROWS, DaemonScenario


class Api(DaemonScenario):
    def request(self, daemon: Daemon, method: str, path: str, body: Any = None,
                headers: dict[str, str] | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        is_json = (response.getheader("Content-Type") or "").startswith("application/json")
        return response.status, json.loads(content) if is_json and content else content.decode()

    def raw(self, daemon: Daemon, data: bytes) -> str:
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while part := peer.recv(65536):
                answer += part
        return answer.decode(errors="replace")

    def test_a_migration_by_dms_paths(self) -> None:
        target = self.target_server("tidb", ["test_db"])
        source = self.source(0)
        daemon = self.daemon()
        body = {"source": {"source_name": "mysql-replica-01", "host": source.host, "port": source.port,
                           "user": source.user, "password": source.password, "enable_gtid": True}}
        self.assertEqual(self.request(daemon, "POST", "/api/v1/sources", body)[0], 201)
        status, refused = self.request(daemon, "POST", "/api/v1/sources", body)
        self.assertEqual((status, "here already" in refused["error_msg"]), (400, True))
        task = {"task": {"name": "test", "task_mode": "all", "on_duplicate": "error", "target_config": {
            "host": target.host, "port": target.port, "user": target.user, "password": target.password},
            "table_migrate_rule": [{"source": {"source_name": "mysql-replica-01", "schema": "test_db",
                                               "table": "*"}}],
            "source_config": {"source_conf": [{"source_name": "mysql-replica-01"}]}}}
        status, answer = self.request(daemon, "POST", "/api/v1/tasks", task)
        self.assertEqual(status, 201, answer)
        self.wait_synced(daemon, [source], target)
        self.assertEqual(self.request(daemon, "POST", "/api/v1/tasks/test/stop")[0], 200)
        paused = self.request(daemon, "GET", "/api/v1/tasks/test/status")[1]["data"][0]
        self.assertEqual((paused["stage"], paused["unit"]), ("Paused", "Sync"), "answered when it is at rest")
        self.fill(source, 0, ROWS)
        self.assertEqual(self.request(daemon, "POST", "/api/v1/tasks/test/start", {})[0], 200)
        self.wait_synced(daemon, [source], target)
        shown = self.request(daemon, "GET", "/api/v1/sources")
        self.assertEqual((shown[0], shown[1]["total"]), (200, 1))
        self.assertNotIn(source.password, json.dumps([shown, self.request(daemon, "GET", "/api/v1/status"),
                                                      self.request(daemon, "GET", "/api/v1/tasks/test")]))
        self.check_metrics(daemon)
        self.check_events(daemon)
        self.assertEqual(self.request(daemon, "GET", "/readyz"), (200, "ready\n"))
        self.assertEqual(self.request(daemon, "DELETE", "/api/v1/tasks/test")[0], 204)
        self.assertEqual(self.request(daemon, "DELETE", "/api/v1/sources/mysql-replica-01")[0], 204)
        self.assertEqual(self.request(daemon, "GET", "/api/v1/sources/mysql-replica-01")[0], 404)

    def check_metrics(self, daemon: Daemon) -> None:
        status, text = self.request(daemon, "GET", "/metrics")
        self.assertEqual(status, 200)
        for name in ("dm_worker_task_state", "dm_syncer_replication_lag_gauge", "dm_relay_space",
                     "dm_syncer_binlog_file", "dm_relay_binlog_pos", "tiderelay_rows_total"):
            self.assertIn(f"# TYPE {name} ", text)
        self.assertIn('dm_worker_task_state{task="test",source_id="mysql-replica-01"', text)

    def check_events(self, daemon: Daemon) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        connection.request("GET", "/api/v1/events")
        response = connection.getresponse()
        self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
        for _ in range(2):
            line = response.readline()
            self.assertTrue(line.startswith(b"data: "), line)
            self.assertEqual(json.loads(line[6:])["tasks"][0]["name"], "test")
            response.readline()
        connection.close()

    def test_hostile_requests_are_refused_and_the_daemon_goes_on(self) -> None:
        daemon = self.daemon()
        for method, path, body, headers, status in [
            ("GET", "/nothing", None, {}, 404), ("PATCH", "/api/v1/tasks", None, {}, 405),
            ("POST", "/api/v1/ctl", "{", {}, 400), ("POST", "/api/v1/ctl", {"command": []}, {}, 400),
            ("POST", "/api/v1/ctl", {"command": ["drop"]}, {}, 400),
            ("POST", "/api/v1/ctl", {"command": ["query-status"], "x": 1}, {}, 400),
            ("POST", "/api/v1/ctl", b"\xff\xfe{}", {}, 400),
            ("POST", "/api/v1/ctl", "[" * 100000, {}, 400),
            ("POST", "/api/v1/ctl", "command=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
            ("POST", "/api/v1/sources", {"source": {"source_name": "../x", "host": "h", "port": 1, "user": "u"}}, {},
             400),
            ("GET", "/api/v1/status", None, {"Host": "evil.example"}, 403),
            ("GET", "/api/v1/tasks/" + "%00", None, {}, 404), ("GET", "/" + "a" * 7000, None, {}, 404),
        ]:
            with self.subTest(f"{method} {path[:40]} {str(body)[:40]}"):
                got, answer = self.request(daemon, method, path, body, headers)
                self.assertEqual(got, status, answer)
                self.assertTrue(answer["error_msg"] and answer["error_code"] == status)
        for data in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100):
            self.assertNotIn(" 200 ", self.raw(daemon, data))
        self.assertIn(" 431 ", self.raw(daemon, b"GET / HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n"))
        self.assertIn(" 413 ", self.raw(
            daemon, b"POST /api/v1/ctl HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"))
        self.assertEqual(self.request(daemon, "GET", "/healthz"), (200, "ok\n"))
        self.assertEqual(self.request(daemon, "GET", "/openapi.json")[1]["openapi"], "3.0.3")

    def secured(self) -> tuple[Daemon, str]:
        """A daemon with TLS and a token, on all addresses."""
        key, certificate = self.folder / "server.key", self.folder / "server.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out",
                        str(certificate), "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        tokens = self.file("tokens", "good-token\nother\n")
        daemon = Daemon(self.folder)
        self.addCleanup(daemon.end)
        config = {"api": {"listen": f"0.0.0.0:{daemon.port}", "tokens-file": str(tokens),
                          "tls": {"ssl-cert": str(certificate), "ssl-key": str(key)}}}
        daemon.launch("--config", str(harness.write_yaml(self.folder / "tiderelay.yaml", config)))
        return daemon, str(certificate)

    def test_tls_and_tokens_beyond_loopback(self) -> None:
        daemon, certificate = self.secured()
        context = ssl.create_default_context(cafile=certificate)

        def get(path: str, token: str | None) -> int:
            connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=60, context=context)
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            status = connection.getresponse().status
            connection.close()
            return status

        def answers() -> tuple[bool, Any]:
            try:
                return get("/healthz", None) == 200, ""
            except OSError as problem:
                return False, f"{problem}: {daemon.tail()}"

        self.until("it answers over TLS", answers)
        self.assertEqual([get("/metrics", token) for token in (None, "bad", "good-token", "other")],
                         [401, 401, 200, 200])
        self.assertEqual(get("/", None), 200, "the page itself holds nothing")
        good = self.file("good", "good-token\n")
        for words, code in (([], 1), (["--ca", certificate], 1),
                            (["--ca", certificate, "--token-file", str(good)], 0)):
            done = subprocess.run([str(harness.BINARY), "ctl", "--addr", f"https://localhost:{daemon.port}", *words,
                                   "query-status"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
            self.assertNotIn("good-token", done.stdout + done.stderr)

    def test_beyond_loopback_without_tokens_it_does_not_start(self) -> None:
        done = subprocess.run([str(harness.BINARY), "serve", "--data-dir", str(self.folder / "d"), "--listen",
                               "0.0.0.0:1"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("tokens-file", done.stderr)


class Page(DaemonScenario):
    def browser(self, name: str, *words: str) -> str:
        """The page as headless Chromium has it after three seconds; a screenshot goes to $SCREENSHOTS."""
        program = shutil.which("chromium")
        if not program:
            self.skipTest("no chromium (apt-get install chromium)")
        shots = os.environ.get("SCREENSHOTS") or str(self.folder)
        common = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                  f"--user-data-dir={self.folder / 'profile'}", "--virtual-time-budget=3000"]
        subprocess.run([*common, f"--screenshot={shots}/{name}.png", *words], capture_output=True, timeout=120,
                       check=True)
        return subprocess.run([*common, "--dump-dom", *words], capture_output=True, text=True, timeout=120,
                              check=True).stdout

    def test_in_a_browser(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        *source_files, task = map(str, self.files([source], target))
        daemon = self.daemon()
        address = f"http://127.0.0.1:{daemon.port}/"
        self.assertIn("No task yet", self.browser("empty", "--window-size=1200,800", address))
        self.must(daemon, "operate-source", "create", *source_files)
        self.must(daemon, "start-task", task)
        self.wait_synced(daemon, [source], target)
        page = self.browser("in-step", "--window-size=1200,800", address)
        self.assertIn("[hidden] { display: none", page, "the form for a token is not shown where none is wanted")
        for words in ("test at mysql-replica-01", "in step", "Pause", "binlog.0", "free of", " B since the start"):
            self.assertIn(words, page)
        self.browser("phone-dark", "--window-size=390,844", "--blink-settings=preferredColorScheme=0",
                     "--force-dark-mode", address)
        target.execute("insert into test_db.test_table values (9000, 'mine')")
        source.execute("insert into test_db.test_table values (9000, 'theirs')")
        self.until("the task is paused", lambda: (
            (tasks := daemon.ask("query-status")[1]["tasks"])[0]["taskStatus"].startswith("Error"), tasks))
        page = self.browser("error", "--window-size=1200,800", address)
        for words in ("paused by an error", "Way out", "Resume", "9000"):
            self.assertIn(words, page)

    @only_long
    def test_every_answer_fits_the_document(self) -> None:
        program = shutil.which("schemathesis")
        if not program:
            self.skipTest("no schemathesis (pip install schemathesis)")
        daemon = self.daemon()
        done = subprocess.run([program, "run", f"http://127.0.0.1:{daemon.port}/openapi.json",
                               "--exclude-path", "/api/v1/events", "--checks", "all", "--exclude-checks",
                               "positive_data_acceptance", "--phases", "coverage,fuzzing", "--max-examples", "50"],
                              capture_output=True, text=True, timeout=1800)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
