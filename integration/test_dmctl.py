"""Answers of ctl beside those of a real dmctl: the same steps on both; keys, their order, types and enum values.

`dmctl_shapes.json` holds what dmctl 8.5.5 answered; RECORD=1 makes it anew, with dm-master, dm-worker and dmctl on
PATH.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import harness
from dm import Dm
from packages import HERE, Missing
from scenario import only_long
from servers import Server
from test_daemon import DaemonScenario
from waiting import until

RECORDED = HERE / "dmctl_shapes.json"
ENUMS = {"stage", "unit", "op", "result", "mode", "ErrScope"}  # their values are compared too
OURS = {"tiderelay", "notes", "ioTotalBytes", "dumpIOTotalBytes"}  # the last two: of DM after 8.5.5
Ask = Callable[..., str]

# Steps of one task at one source, in order. TASK and SOURCE are the files' names; "wait" and "break" are no commands.
STEPS: list[tuple[str, ...]] = [
    ("operate-source", "create", "SOURCE"), ("operate-source", "create", "SOURCE"), ("operate-source", "show"),
    ("operate-source", "show", "-s", "s1"), ("list-member",), ("list-member", "--worker"), ("list-member", "--leader"),
    ("list-member", "--master"), ("query-status",), ("query-status", "-s", "s1"), ("query-status", "nosuch"),
    ("query-status", "-s", "nosuch"), ("config", "source", "s1"), ("config", "source", "nosuch"),
    ("config", "task", "nosuch"), ("check-task", "TASK"), ("start-task", "TASK"), ("wait", "Sync"),
    ("start-task", "TASK"),
    ("query-status",), ("query-status", "test"), ("query-status", "-s", "s1"), ("query-status", "--more"),
    ("config", "task", "test"), ("shard-ddl-lock",), ("shard-ddl-lock", "unlock", "x"), ("shard-ddl-lock", "test"),
    ("binlog", "list", "test"), ("binlog", "skip", "test"), ("binlog", "skip", "nosuch"),
    ("binlog-schema", "list", "-s", "s1", "test", "shop", "t"),
    ("validation", "status", "test"), ("validation", "start", "test"), ("wait", "validator"),
    ("validation", "status", "test"),
    ("validation", "status", "nosuch"), ("validation", "show-error", "test"), ("validation", "stop", "test"),
    ("pause-task", "test"), ("wait", "Paused"), ("query-status",), ("query-status", "test"),
    ("binlog-schema", "list", "-s", "s1", "test", "shop", "t"),
    ("binlog-schema", "update", "-s", "s1", "test", "shop", "t", "t.sql"),
    ("binlog-schema", "list", "-s", "s1", "test", "shop", "t"),
    ("binlog-schema", "list", "-s", "s1", "test", "shop", "nosuch"),
    ("binlog-schema", "list", "-s", "nosuch", "test", "shop", "t"),
    ("binlog-schema", "list", "-s", "s1", "nosuch", "shop", "t"),
    ("binlog-schema", "delete", "-s", "s1", "test", "shop", "t"),
    ("pause-task", "nosuch"), ("resume-task", "test"), ("wait", "Sync"), ("resume-task", "nosuch"),
    ("start-relay", "-s", "s1"), ("wait", "relay"), ("query-status", "-s", "s1"), ("pause-relay", "-s", "s1"),
    ("wait", "relay Paused"), ("query-status", "-s", "s1"), ("resume-relay", "-s", "s1"),
    ("purge-relay", "-s", "s1", "-f", "FILE"),
    ("stop-relay", "-s", "s1"), ("transfer-source", "s1", "w"), ("operate-leader", "evict"),
    ("operate-leader", "cancel-evict"), ("break",), ("wait", "error"), ("query-status",), ("query-status", "test"),
    ("stop-task", "test"), ("stop-task", "test"), ("operate-source", "stop", "s1"), ("operate-source", "stop", "s1"),
    ("operate-source", "show"),
]


def shape(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: shape(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    if value is None:
        return None
    if isinstance(value, bool):
        return value if key in ENUMS else "bool"
    if isinstance(value, (int, float)):
        return "number"
    if key in ENUMS:
        return "=" + value
    return "digits" if value.isdigit() else "text"


def differences(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """What a reader of dmctl's answers would stumble over in ours."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{path}.{name} is missing" for name in theirs if name not in ours]
        found += [f"{path}.{name} is not dmctl's" for name in ours if name not in theirs and name not in OURS]
        common = [name for name in theirs if name in ours]
        if common != [name for name in ours if name in theirs]:
            found.append(f"{path}: the keys' order")
        for name in common:
            found += differences(theirs[name], ours[name], f"{path}.{name}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        if bool(theirs) != bool(ours):
            return [f"{path}: {len(theirs)} items against {len(ours)}"]
        return differences(theirs[0], ours[0], path + "[]") if theirs else []
    return [] if theirs == ours else [f"{path}: {theirs} against {ours}"]


class Answers(DaemonScenario):
    def servers(self) -> tuple[Server, Server]:
        source, target = self.server("mysql57"), self.target_server("mysql80", ["shop"])
        source.execute("create database shop", "create table shop.t (id int primary key, v varchar(10))",
                       "insert into shop.t values (1, 'one')")
        target.execute("create database shop")
        return source, target

    def walk(self, name: str, source: Server, target: Server, ask: Ask) -> dict[str, Any]:
        """The answers by step; a second time the same words get a number."""
        source_file = harness.write_yaml(self.folder / "s1.yaml", harness.source_document("s1", source))
        task = harness.write_yaml(self.folder / f"{name}.yaml", harness.task_document("test", target, ["s1"], ["shop"]))
        self.file("t.sql", "create table t (id int primary key, v varchar(10), w int)")
        words_of = {"TASK": str(task), "SOURCE": str(source_file),
                    "FILE": source.query("show binary logs")[-1][0], "t.sql": str(self.folder / "t.sql")}
        answers: dict[str, Any] = {}
        for step in STEPS:
            if step[0] == "break":
                target.execute("drop table shop.t")
                source.execute("insert into shop.t values (9, 'x')")
                continue
            if step[0] == "wait":
                self.wait_for(step[1], ask)
                continue
            text = ask(*[words_of.get(word, word) for word in step])
            label = " ".join(step)
            while label in answers:
                label += " +"
            try:
                answers[label] = shape(json.loads(text[text.index("{"):]))
            except ValueError:
                answers[label] = "no JSON"
            if os.environ.get("SHOW"):
                print(f"{name}$ {label}\n{text[:1500]}")
        return answers

    @staticmethod
    def wait_for(what: str, ask: Ask) -> None:
        def look() -> tuple[bool, Any]:
            if what == "validator":
                text = ask("validation", "status", "test")
                return "Running" in text or "result\": false" in text.replace("'", '"'), text
            status = json.loads(ask("query-status", "-s", "s1"))["sources"][0]
            relay = status["sourceStatus"]["relayStatus"] or {"stage": ""}
            task = (status["subTaskStatus"] or [{}])[0]
            if what.startswith("relay"):
                return relay["stage"] == (what.split()[1] if " " in what else "Running"), status
            if what == "error":
                return task["stage"] == "Paused" and bool(task["result"]), status
            running = task.get("stage") == "Running" and task.get("unit") == "Sync"
            return running if what == "Sync" else task.get("stage") == what, status
        until(what, look, 120, 0.2)

    def ours(self) -> dict[str, Any]:
        source, target = self.servers()
        daemon = self.daemon()
        return self.walk("ours", source, target, lambda *words: json.dumps(daemon.ask(*words)[1]))

    def compare(self, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        self.assertEqual(list(theirs), list(ours))
        found = [f"{label}: {one}" for label in theirs for one in differences(theirs[label], ours[label])
                 if not any(known in f"{label}: {one}" for known in KNOWN)]
        self.assertEqual(found, [], "\n".join(found))

    def test_each_answer_has_dmctls_shape(self) -> None:
        self.compare(json.loads(RECORDED.read_text()), self.ours())

    @only_long
    def test_dmctl_itself_answers_as_recorded(self) -> None:
        source, target = self.servers()
        try:
            dm = Dm(self.folder / "dm", source, create=False)
        except Missing as missing:
            self.skipTest(str(missing))
        self.addCleanup(dm.close)
        theirs = self.walk("dm", source, target, lambda *words: dm.ask(*words).stdout)
        if os.environ.get("RECORD"):
            RECORDED.write_text(json.dumps(theirs, indent=1) + "\n")
        self.assertEqual(theirs, json.loads(RECORDED.read_text()))


# What differs on purpose, and why; docs/api.md says the same.
KNOWN: dict[str, str] = {
    "operate-source create SOURCE +: .sources: 0 items": "each file has its own line, also when it is refused",
    "operate-source stop s1 +: .sources: 0 items": "the same",
    "sourceStatus.relayStatus: None against": "the relay log is always on",
    "check-task TASK: .checkResult is not": "the rows are an object here, not text spliced into `msg`",
    "start-task TASK: .checkResult: text": "the same",
    "start-task TASK +: .checkResult: text": "the same; it is refused before the checks",
    "binlog list test: .sources[].result: False": "an empty list is no failure",
    "binlog skip test: .result: True": "`result` is false where that of a source is",
    "nosuch: .result: True": "the same", "nosuch test shop t: .result: True": "the same",
    "nosuch shop t: .result: True": "the same",
    "nosuch shop t: .sources: 1 items": "an unknown task or source is refused as a whole",
    "nosuch test shop t: .sources: 1 items": "the same",
    "binlog-schema list -s s1 test shop t: ": "definitions of a running task are shown too",
    "validation s": "there is no validator: each answer is `result: false` with the way out (tiderelay verify)",
    ".validation: {": "the same",
    ".errors[].ErrScope: =internal against =downstream": "DM's error there is its tracker's",
}
