"""Every command with what is missing, wrong, too large, not UTF-8 or hostile: a clear error, exit code and valid JSON.

Each row is (words, exit code, patterns of the output). The list of commands comes from the program itself, so that a
new one is walked through too.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Sequence

import harness
import servers
from daemon import Daemon
from scenario import Scenario
from test_daemon import DaemonScenario

Word = str | bytes
Row = tuple[Sequence[Word], int, Sequence[str]]
SECRET = "no-one-may-read-this"
SOURCE = f"source-id: s1\nfrom: {{host: 127.0.0.1, port: 1, user: root, password: {SECRET}}}\n"
TASK = (f"name: t\ntask-mode: all\ntarget-database: {{host: 127.0.0.1, port: 1, user: root, password: {SECRET}}}\n"
        "mysql-instances: [{source-id: s1}]\n")
HOSTILE: Sequence[Word] = ("--nonsense", "", b"\xff\xfe", "x" * 120_000, "a\nb\x1b[31m", "'; drop table x; -- ",
                           "../../etc/passwd", "$(id)", "-", "*")


def shown(words: Sequence[Word]) -> str:
    return " ".join(repr(word)[:50] for word in words)


class Lines(Scenario):
    """Command lines that need no server."""

    def run_line(self, words: Sequence[Word], stdin: bytes = b"") -> tuple[int, str]:
        done = subprocess.run([str(harness.BINARY), *words], input=stdin, capture_output=True, timeout=60,
                              cwd=self.folder)
        self.assertGreaterEqual(done.returncode, 0, f"{shown(words)} crashed: {done.stderr[-500:]!r}")
        return done.returncode, (done.stdout + done.stderr).decode(errors="backslashreplace")

    def check(self, row: Row, stdin: bytes = b"") -> None:
        words, code, patterns = row
        got, text = self.run_line(words, stdin)
        self.assertEqual(got, code, f"{shown(words)}: {text[:500]}")
        for pattern in patterns:
            self.assertRegex(text, pattern)
        self.assertNotIn(SECRET, text)

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def test_every_command_refuses_what_it_does_not_know(self) -> None:
        code, text = self.run_line(["--help"])
        commands = re.findall(r"^  ([a-z]+) ", text[text.index("Subcommands:"):], re.M)
        self.assertGreaterEqual(len(commands), 12)
        for command in set(commands) - {"serve"}:
            for word in HOSTILE:
                if (command, word) in {("options", ""), ("options", "-"), ("encrypt", ""), ("binlog", "*")}:
                    continue
                with self.subTest(shown([command, word])):
                    code, text = self.run_line([command, word])
                    self.assertIn(code, (1, 2), text[:300])
                    self.assertTrue(text.strip())
        for command in ("run", "check", "dump", "verify", "import", "binlog", "serve", "options", "version"):
            self.check(([command, "--taks=x"], 2, ["unknown option --taks|not expected: --taks"]))

    def test_wrong_words(self) -> None:
        source, task = self.write("s.yaml", SOURCE), self.write("t.yaml", TASK)
        good_key, bad_key = self.write("good.key", "ab" * 32), self.write("bad.key", "zz" * 32)
        binlog = self.write("mysql-bin.000001", b"\xfebin" + b"\xff" * 1000)
        common = ["--task", task, "--source", source]
        rows: list[Row] = [
            (["--nonsense"], 2, ["unknown option --nonsense"]), (["sevre"], 2, ["did you mean serve"]),
            (["run", "--taks", task, "--source", source], 2, ["unknown option --taks; did you mean --task"]),
            (["run", "--task", "nofile", "--source", source], 2, ["cannot read nofile"]),
            (["run", "--task", ".", "--source", source], 2, ["directory"]),
            (["run", "--task", source, "--source", source], 2, ["this is a source file; a task file is wanted"]),
            (["run", "--task", task, "--source", task], 2, ["this is a task file; a source file is wanted"]),
            (["run", *common, "--source", source], 2, ["two sources are called \"s1\""]),
            (["run", *common, "--secret-key-path", bad_key], 2, ["64 hex digits"]),
            (["run", *common, "--data-dir", "/proc/nope"], 2, ["/proc/nope", "--data-dir"]),
            (["run", *common], 1, ["127.0.0.1:1: connection refused", "check that the server runs"]),
            (["check", *common, "-e", "x"], 2, ['"x" is no whole number']),
            (["check", *common, "-e", "-1"], 2, ['"-1" is no whole number']),
            (["check", *common, "-w", "9" * 30], 2, ["is no whole number"]),
            (["check", *common], 1, ["connection refused"]),
            (["verify", *common, "--table", "nodot"], 2, ["--table: wants db.table"]),
            (["verify", *common, "--threads", "0"], 2, ["--threads"]),
            (["verify", *common], 1, ["connection refused"]),
            (["dump", "--source", source, "--output", "d", "--filesize", "0"], 2, ["--filesize"]),
            (["binlog", source], 1, ["not a binlog file"]), (["binlog", "nofile"], 2, ["nofile"]),
            (["binlog", binlog], 1, ["at 4: no event has a length of"]),
            (["binlog", "mysql://root:pw@h:1"], 2, ["no servers", "relay log"]),
            (["binlog", "--start-position", "-4", binlog], 2, ['"-4" is no whole number']),
            (["binlog", "--start-datetime", "yesterday", binlog], 2, ["write 2024-01-31 12:00:00"]),
            (["binlog", "--start-gtid", "zz", binlog], 2, ["is not one GTID"]),
            (["binlog", "--table", "x", binlog], 2, ["--table: wants schema.table"]),
            (["binlog", "--format", "xml", binlog], 2, ["text,json"]),
            (["encrypt", "--secret-key-path", bad_key, "x"], 2, ["64 hex digits"]),
            (["encrypt", "--secret-key-path", good_key], 2, ["no text was given"]),
            (["encrypt", "--secret-key-path", good_key, "x" * 100_000], 1, ["too long"]),
            (["decrypt", "!!!"], 1, ["not cipher text"]), (["decrypt"], 2, ["no text was given"]),
            (["import", "nofile", "--output", "i"], 2, ["cannot read nofile"]),
            (["import", self.write("inventory.ini", "[dm_master"), "--output", "i"], 2,
                [r"inventory.ini:1: .*\[name\]"]),
            (["import", self.write("dm-master.toml", "[[deploy]\nx"), "--output", "i"], 2, ["dm-master.toml:1"]),
            (["serve", "--listen", "nonsense"], 2, ["--listen: wants host:port"]),
            (["serve", "--listen", "0.0.0.0:0", "--data-dir", "d1"], 2, ["api.tls and api.tokens-file"]),
            (["serve", "--data-dir", "/proc/nope"], 2, ["/proc/nope", "--data-dir"]),
            (["serve", "--config", "nofile"], 2, ["cannot read nofile"]),
            (["ctl", "query-status", "--addr", "127.0.0.1:1"], 1, ["refused", "tiderelay serve"]),
            (["ctl", "--addr", "x", "query-status"], 2, ["--addr: wants host:port"]),
            (["ctl", "--token-file", "nofile", "query-status"], 2, ["cannot read nofile"]),
            (["ctl", "help", "qurey-status"], 2, ["did you mean query-status"]),
        ]
        for number, (yaml, wanted) in enumerate([
            ("api: {listne: x}", "api.listne: unknown key; did you mean \"listen\""), ("log-level: loud",
                "wants one of"),
            ("sources: [nofile.yaml]", r"sources\[0\]: cannot read nofile.yaml"), ("a: {b", "not valid YAML"),
            ("relay: {retain: {age: 7parsecs}}", "wants a duration"), ("api: {tokens-file: nofile}", "api.tokens-file"),
            (f"api: {{tls: {{ssl-cert: {source}, ssl-key: {source}}}, listen: 127.0.0.1:0}}\ndata-dir: d2",
             "api.tls.ssl-cert: what it names cannot be used.*\n.*PEM"), ("secret-key-path: nofile",
             "cannot read nofile"),
        ]):
            rows.append((["serve", "--config", self.write(f"c{number}.yaml", yaml + "\n")], 2, [f"c{number}.yaml|api.t",
                                                                                                wanted]))
        self.each(rows, self.check)

    def test_wrong_files(self) -> None:
        source = self.write("s.yaml", SOURCE)
        cases: list[tuple[str, str | bytes, str]] = [
            ("large", "#" + "x" * 5_000_000 + "\n" + TASK, "larger than 4 MiB"), ("deep", "name: " + "[" * 9999,
                "nested"),
            ("zero", "name: t\0x\n" + TASK, ":1: a zero byte"), ("utf16", TASK.encode("utf-16"), "UTF-16"),
            ("latin", b"name: t\n# caf\xe9\n" + TASK.encode(), "latin.yaml:2: not UTF-8"),
            ("twice", TASK + "name: u\n", ":5: name: the key occurs twice"), ("two", TASK + "---\n" + TASK,
                "second document"),
            ("tab", TASK + "routes:\n\tr: {}\n", ":6: indented with a tab"), ("empty", "", "nothing"),
            ("list", "- a\n", "got a list"), ("open", 'name: "t\n' + TASK[8:], "never closed|occurs twice|YAML"),
            ("alias", "name: *none\n" + TASK[8:], "alias.yaml:1"),
            ("bomb", "a: &a [1,2,3,4,5,6,7,8,9]\n" + "".join(
                f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")), "aliases count"),
            ("slip", TASK.replace("task-mode", "taks-mode"), 'taks-mode: unknown key; did you mean "task-mode"'),
            ("mode", TASK.replace("all", "evrything"), ":2: task-mode: wants one of"),
            ("port", TASK.replace("port: 1", "port: 70000"), ":3: target-database.port: 70000 is above"),
            ("type", TASK.replace("port: 1", "port: [1]"), "target-database.port: wants a whole number, got a list"),
            ("none", TASK.replace("[{source-id: s1}]", "[]"), "names no source"),
            ("same", TASK.replace("{source-id: s1}", "{source-id: s1}, {source-id: s1}"), "is there already"),
            ("long", TASK.replace("name: t", "name: " + "n" * 500), "name: is longer than 190 bytes"),
            ("control", TASK.replace("name: t", 'name: "a\\nb"'), "name: has a control character"),
            ("other", TASK.replace("source-id: s1", "source-id: s2"), "s2"),
            ("cipher", TASK.replace(SECRET, "AAAAAAAAAAAAAAAAAAAAAED//////w=="), "cipher text"),
        ]
        for name, content, wanted in cases:
            with self.subTest(name):
                words = ["run", "--task", self.write(f"{name}.yaml", content), "--source", source]
                self.check((words, 1 if name == "cipher" else 2, [wanted]))
        for name, text in [("crlf", TASK.replace("\n", "\r\n")), ("bom", "\ufeff" + TASK),
                           ("anchor", TASK.replace("host: 127.0.0.1", "host: &h 127.0.0.1").replace("name: t",
                               "name: &n t"))]:
            with self.subTest(name):
                words = ["run", "--task", self.write(f"{name}.yaml", text), "--source", source]
                self.check((words, 1, ["connection refused"]))


class Commands(DaemonScenario):
    """`ctl` and the API against a daemon with a running task."""

    def ctl(self, daemon: Daemon, words: Sequence[Word], stdin: bytes = b"") -> tuple[int, str]:
        done = subprocess.run([*daemon.words(), *words], input=stdin, capture_output=True, timeout=120, cwd=self.folder)
        if done.stdout and not stdin:
            self.assertEqual(json.loads(done.stdout)["result"], done.returncode == 0, shown(words))
        text = (done.stdout + done.stderr).decode(errors="backslashreplace")
        self.assertNotIn(servers.ROOT_PASSWORD, text, shown(words))
        return done.returncode, text

    def check(self, daemon: Daemon, row: Row) -> None:
        words, code, patterns = row
        got, text = self.ctl(daemon, words)
        self.assertEqual(got, code, f"{shown(words)}: {text[:500]}")
        for pattern in patterns:
            self.assertRegex(text, pattern)

    def running(self) -> tuple[Daemon, Path, Path]:
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        source_file, task = self.files([source], target)
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", str(source_file))
        self.must(daemon, "start-task", str(task))
        self.wait_synced(daemon, [source], target)
        return daemon, source_file, task

    def test_wrong_words_to_a_running_daemon(self) -> None:
        daemon, source_file, task = self.running()
        s1, source, task_file = "mysql-replica-01", str(source_file), str(task)
        for command in re.findall(r"^  ([a-z-]+) ", self.ctl(daemon, ["--", "help"])[1], re.M):
            for word in HOSTILE[:5]:
                with self.subTest(shown([command, word])):
                    self.check(daemon, ([command, word], 2, ["tiderelay ctl: "]))
            self.check(daemon, ([command, "-s"], 2, ["-s needs a value|unknown option -s"]))
        status = self.must(daemon, "query-status")["tasks"]
        self.assertEqual([task["taskStatus"] for task in status], ["Running"], "none of that did anything")
        no_task, usage = "task nosuch has no source or does not exist", "usage: "
        no_source = "source nosuch is not here"
        self.each([
            (["qurey-status"], 2, ["did you mean query-status"]), (["query-status", "nosuch"], 1, [no_task]),
            (["query-status", "-s", "nosuch"], 1, [no_source, f"known: {s1}"]),
            (["query-status", "te?"], 1, [r"no task fits te\?"]), (["query-status", "tset"], 1, ["did you mean test"]),
            (["query-error", "nosuch"], 1, [no_task]), (["query-error", "-s", "nosuch"], 1, [no_source]),
            (["pause-task"], 2, ["name a task", usage]), (["pause-task", "nosuch"], 1, [no_task]),
            (["resume-task", "-s", "nosuch", "test"], 1, [no_source]), (["stop-task", "nosuch"], 1, [no_task]),
            (["stop-task", "nosuch*"], 1, ["no task runs there"]),
            (["start-task", "nosuch.yaml"], 2, ["cannot read nosuch.yaml"]),
            (["start-task", source], 1, ["this is a source file"]), (["start-task", task_file], 1, ["exists already"]),
            (["start-task", task_file, "-s", "nosuch"], 1, ["exists already|does not name the source nosuch"]),
            (["check-task", task_file, "-e", "-1"], 2, ['"-1" is no number']), (["check-task", source], 1,
                ["source file"]),
            (["update-task", "nosuch"], 2, ["cannot read nosuch"]), (["update-task", source], 1, ["source file"]),
            (["operate-source", "create"], 2, ["needs a file"]), (["operate-source", "create", "."], 2, ["directory"]),
            (["operate-source", "create", source], 1, ["here already", "operate-source update"]),
            (["operate-source", "create", task_file], 1, ["this is a task file"]),
            (["operate-source", "stop", s1], 1, ["in use by task test"]), (["operate-source", "stop", "nosuch"], 1,
                                                                           [no_source]),
            (["operate-source", "update", source], 1, ["in use by task test"]),
            (["operate-source", "show", "nosuch"], 1, [no_source]), (["operate-source", "crate"], 2, ["mean create"]),
            (["config", "task"], 2, ["needs a name"]), (["config", "task", "nosuch"], 1, [no_task]),
            (["config", "source", "nosuch"], 1, [no_source]), (["config", "tsak", "x"], 2, ["did you mean task"]),
            (["config", "task", "test", "-p", "/proc/nope"], 1, ["/proc/nope cannot be written"]),
            (["config", "export", "-p", "/proc/nope"], 1, ["cannot be written"]),
            (["config", "import", "-p", "/nope"], 2, ["no files to import"]),
            (["pause-relay"], 2, ["-s names the source"]), (["pause-relay", "-s", "nosuch"], 1, [no_source]),
            (["purge-relay", "-s", s1], 2, ["-f names"]), (["purge-relay", "-s", s1, "-f", "../../x"], 1,
                ["has no file"]),
            (["purge-relay", "-s", s1, "-f", "binlog.000001", "--sub-dir", "../.."], 1, ["has no file"]),
            (["resync-table", "test"], 2, ["missing"]), (["resync-table", "test", "nodot"], 1, ["name it as db.table"]),
            (["resync-table", "test", "other.t"], 1, ["other.t|lists"]),
            (["binlog", "skip"], 2, ["missing", usage]), (["binlog", "skip", "test"], 1, ["-b mysql-bin.000003:4711"]),
            (["binlog", "skip", "test", "-b", "nonsense"], 1, ["nonsense"]),
            (["binlog", "skip", "test", "-b", "binlog.000001:" + "9" * 30], 1, ["9999"]),
            (["binlog", "skip", "test", "select 1"], 1, ["takes no statements"]),
            (["binlog", "replace", "test", "-b", "binlog.000001:4"], 1, ["statements to run are missing"]),
            (["binlog", "replace", "test", "-b", "binlog.000001:4", "select from"], 1, ["select from"]),
            (["binlog", "replace", "test", "-b", "binlog.000001:4", "drop table t"], 1,
                ["schema of table t is missing"]),
            (["binlog", "revert", "test", "-b", "binlog.000001:4"], 1, ["nothing that waits"]),
            (["binlog", "list", "nosuch"], 1, [no_task]), (["sql-skip", "--sharding", "test"], 2, ["no shard locks"]),
            (["binlog", "inject", "test", b"\xff"], 2, ["no UTF-8"]), (["unlock-ddl-lock", "x"], 1, ["no shard locks"]),
            (["shard-ddl-lock", "unlock", "x"], 1, ["no lock with the id x"]),
            (["list-member", "nosuch"], 2, ["too many arguments"]), (["list-member", "--leadre"], 2,
                ["unknown option"]),
        ], lambda row: self.check(daemon, row))
        code, text = self.ctl(daemon, [], b"nonsense\nquery-status 'open\n\xff\xfe\nquery-status\nexit\n")
        self.assertEqual(code, 0, "that of the last command")
        for word in ('unknown command "nonsense"', "a quote is not closed", "no UTF-8", '"taskName": "test"'):
            self.assertIn(word, text)

    def test_a_task_in_unlucky_moments(self) -> None:
        target = self.target_server("mysql80", ["test_db"])
        source = self.source(0)
        with source.connect("test_db") as connection, connection.cursor() as cursor:
            cursor.execute("create table big (id int primary key auto_increment, v varchar(200))")
            cursor.execute("insert into big (v) values (repeat('x', 150))")
            for _ in range(16):
                cursor.execute("insert into big (v) select v from big")
        source_file, task = self.files([source], target)
        daemon = self.daemon()
        self.must(daemon, "operate-source", "create", str(source_file))
        self.must(daemon, "start-task", str(task))
        self.assertIn("exists already", self.refused(daemon, "start-task", str(task)))
        self.until("it copies", lambda: (
            (tasks := daemon.ask("query-status", "test")[1]["sources"][0]["subTaskStatus"])[0]["unit"] in
            ("Dump", "Load", "Sync"), tasks))
        self.must(daemon, "stop-task", "test")
        self.assertIn("does not exist", self.refused(daemon, "resume-task", "test"))
        self.must(daemon, "start-task", str(task))
        self.wait_synced(daemon, [source], target)
        self.assertEqual(target.query("select count(*) from test_db.big"), source.query(
            "select count(*) from test_db.big"))
        self.must(daemon, "pause-task", "test")
        source.kill()
        self.must(daemon, "resume-task", "test")
        self.until("the source's absence is shown", lambda: (
            "refused" in (text := json.dumps(daemon.ask("query-status", "test")[1])), text))
        self.assertIn("refused", self.refused(daemon, "check-task", str(task)))
        source.start()
        self.fill(source, 0, 1000)
        self.wait_synced(daemon, [source], target)
        wrong = json.loads(source_file.read_text())
        wrong["source-id"], wrong["from"]["password"] = "s2", "AAAAAAAAAAAAAAAAAAAAAED//////w=="
        refused = self.refused(daemon, "operate-source",
            "create", str(harness.write_yaml(self.folder / "s2.yaml", wrong)))
        self.assertRegex(refused, "Access denied.*cipher text.*secret-key-path")
        self.assertNotIn("AAAAAAAAAA", refused)
