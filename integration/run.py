#!/usr/bin/env python3
"""Runs the scenarios of integration/test_*.py, with --ctest also the compiled tests, and sums both in one last line.

    python3 integration/run.py [--long] [--ctest BUILD_FOLDER] [--no-skips] [WORD...]

WORDs choose the scenarios whose name contains one of them. --long adds the long set. A skip is printed with its reason;
--no-skips counts it as a failure (for a release). Exit code 0 only when nothing failed and something passed.
"""

from __future__ import annotations

import system_python

system_python.ensure()

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Iterator

HERE = Path(__file__).resolve().parent
TEST_SECONDS = {False: 600, True: 3600}
NEED_A_SERVER = r"^Real(Server|Target)\."
SIMULATIONS = r"Sim\."
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


@dataclass
class Tally:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


class Report(unittest.TestResult):
    """One line per scenario as it ends, with its time; a failure's text at once."""

    def __init__(self, tally: Tally, limit_seconds: int) -> None:
        super().__init__()
        self.tally = tally
        self.limit_seconds = limit_seconds
        self.began = 0.0
        self.bad = False

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.began, self.bad = time.monotonic(), False
        print(f"      ... {test.id()}", flush=True)
        signal.signal(signal.SIGALRM, self._late)
        signal.alarm(self.limit_seconds)

    def _late(self, _signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"no end within {self.limit_seconds} s")

    def stopTest(self, test: unittest.TestCase) -> None:
        signal.alarm(0)
        super().stopTest(test)

    def line(self, verdict: str, test: unittest.TestCase, note: str = "") -> None:
        seconds = time.monotonic() - self.began if self.began else 0.0
        print(f"{verdict:4} {seconds:6.1f}s {test.id()}{note}", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        if not self.bad:
            self.tally.passed += 1
            self.line("ok", test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.tally.skipped.append((test.id(), reason))
        self.line("SKIP", test, f": {reason}")

    def addExpectedFailure(self, test: unittest.TestCase, err: ExcInfo) -> None:  # type: ignore[override]
        self._bad(test, err)  # an expected failure is a failure: nothing here may be known to be broken

    def _bad(self, test: unittest.TestCase, error: ExcInfo) -> None:
        signal.alarm(0)
        if not self.bad:
            self.tally.failed.append(test.id())
        self.bad = True
        self.line("FAIL", test)
        print("".join(traceback.format_exception(*error)), flush=True)

    def addFailure(self, test: unittest.TestCase, err: ExcInfo) -> None:  # type: ignore[override]
        self._bad(test, err)

    def addError(self, test: unittest.TestCase, err: ExcInfo) -> None:  # type: ignore[override]
        self._bad(test, err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase,  # type: ignore[override]
                   err: ExcInfo | None) -> None:
        if err is not None:
            self._bad(subtest, err)


def each_test(suite: unittest.TestSuite | unittest.TestCase) -> Iterator[unittest.TestCase]:
    if isinstance(suite, unittest.TestCase):
        yield suite
        return
    for part in suite:
        yield from each_test(part)


def selected(words: list[str], long: bool) -> unittest.TestSuite:
    found = unittest.TestLoader().discover(str(HERE), "test_*.py", str(HERE))
    chosen = unittest.TestSuite()
    for test in each_test(found):
        method = getattr(test, test._testMethodName)
        only_long = getattr(method, "only_long", False) or getattr(type(test), "only_long", False)
        if (long or not only_long) and (not words or any(word in test.id() for word in words)):
            chosen.addTest(test)
    return chosen


def run_ctest(folder: str, tally: Tally, seeds: int) -> None:
    """Those that need a server one after another, for they share its schemas; the others side by side."""
    side_by_side = ["-j", str(os.cpu_count() or 1)]
    ctest(folder, tally, ["-E", f"{NEED_A_SERVER}|{SIMULATIONS}", *side_by_side], {})
    ctest(folder, tally, ["-R", SIMULATIONS, *side_by_side], {"TIDERELAY_SEEDS": str(seeds)} if seeds else {})
    import servers

    try:
        server = servers.create("mysql80", name=f"ctest-{os.getpid()}", options=["local_infile=1"])
    except servers.Missing as missing:
        tally.failed.append(f"compiled tests with a server: {missing}")
        return
    try:
        server.start()
        address = f"{server.user}:{server.password}@{server.host}:{server.port}"
        ctest(folder, tally, ["-R", NEED_A_SERVER],
              {"TIDERELAY_TEST_SERVER": address, "TIDERELAY_TEST_TARGET": address})
    finally:
        server.remove()


def ctest(folder: str, tally: Tally, options: list[str], environment: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = ["ctest", "--test-dir", folder, "--output-on-failure", "--output-junit", report.name, *options]
        print("+", " ".join(command), flush=True)
        code = subprocess.run(command, env={**os.environ, **environment}).returncode
        try:
            root = xml.parse(report.name).getroot()
        except xml.ParseError:
            tally.failed.append(f"ctest wrote no report (exit code {code})")
            return
    before = len(tally.failed)
    for case in root.iter("testcase"):
        name, status = case.get("name", "?"), case.get("status", "?")
        skip = case.find("skipped")
        if status == "run":
            tally.passed += 1
        elif skip is not None and status == "notrun":
            tally.skipped.append((name, skip.get("message") or "skipped by the test itself"))
        else:
            tally.failed.append(name)
    if code != 0 and len(tally.failed) == before:
        tally.failed.append(f"ctest (exit code {code})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--ctest", metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=0, help="so many new seeds for each simulation, instead of twenty")
    parser.add_argument("--no-skips", action="store_true")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    os.environ["TIDERELAY_LONG"] = "1" if arguments.long else ""
    tally = Tally()
    if arguments.ctest:
        run_ctest(arguments.ctest, tally, arguments.seeds)
    selected(arguments.words, arguments.long).run(Report(tally, TEST_SECONDS[arguments.long]))
    return conclude(tally, arguments.no_skips)


def conclude(tally: Tally, no_skips: bool) -> int:
    if tally.skipped:
        print(f"\n{len(tally.skipped)} skipped, so this was NOT the whole suite:")
        for name, reason in tally.skipped:
            print(f"  {name}: {reason}")
    if tally.failed:
        print(f"\n{len(tally.failed)} failed:")
        for name in tally.failed:
            print(f"  {name}")
    print(f"\n{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped", flush=True)
    return 1 if tally.failed or tally.passed == 0 or (no_skips and tally.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
