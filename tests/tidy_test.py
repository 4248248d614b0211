#!/usr/bin/env python3
"""Style is a test: the house rules that a machine can check, over every source file of the tree."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Iterator

TOP = Path(__file__).resolve().parent.parent
SKIPPED = {".git", "build", ".cache", ".run", "__pycache__", "third_party", "corpus"}
LAYERS = ["base", "protocol", "relay", "applier", "dumper", "control"]  # each may include itself and those before it
CONF_USERS = {"conf", "control", "tests"}
PUMPS = ["relay/*_pump.cc", "relay/connection.cc", "relay/transport.cc", "relay/loop.cc", "applier/*_pump.cc",
         "dumper/*_pump.cc", "control/*_pump.cc"]
ASIO_SOURCES = [*PUMPS, "relay/spawn.cc", "relay/*_src.cc", "control/*.cc", "tests/*.cc", "main.cc"]
ASIO_HEADERS = ["relay/awaitable.h", "relay/transport.h", "relay/loop.h", "*_pch.h", "tests/*.h"]
# Headers with Asio that one pump keeps to itself: nobody else may include them, so nobody else pays for Asio.
PRIVATE_ASIO_HEADERS = {"relay/tls_context.h": {"relay/server_tls.cc", "relay/tls_context.cc", "relay/transport.cc"}}
FILE_LINES, FUNCTION_LINES, CPP_COLUMNS, PYTHON_COLUMNS = 600, 70, 100, 120

# Written so that this file does not match itself.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b|\bfor no[w]\b")
WORKPLACE = re.compile(r"/wor[k]/(wt|main|shared)\b|\blan[d]\.sh\b|\bPREAMBL[E]\b|\bCONTRACT[S]\.md\b|regi[s]try\.npm"
                       r"|deb\.debia[n]\.org|repo[0-9]?\.mave[n]|/roo[t]/\w")
SLEEP = re.compile(r"\bsleep_fo[r]\b|\bsleep_unti[l]\b|\btime\.slee[p]\b|^\s*slee[p] [0-9]", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def files(*suffixes: str) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(TOP):
        subfolders[:] = sorted(set(subfolders) - SKIPPED)
        for name in sorted(names):
            if name.endswith(suffixes):
                yield (Path(folder) / name).relative_to(TOP)


def text(file: Path) -> str:
    return (TOP / file).read_text(encoding="utf-8")


def matches(file: Path, globs: list[str]) -> bool:
    return any(fnmatch.fnmatch(str(file), glob) for glob in globs)


def without_tables(lines: list[str]) -> Iterator[tuple[int, str]]:
    """(number, line); of a table (`name = {` to its `};`) only the first line: rows of a test are data."""
    closing = ""
    for number, line in enumerate(lines, 1):
        if closing:
            closing = "" if line == closing else closing
            continue
        if line.endswith("[] = {"):
            closing = line[:len(line) - len(line.lstrip())] + "};"
        yield number, line


def long_functions(source: str) -> Iterator[tuple[int, int]]:
    """(line, length) of each definition above the limit; clang-format puts its last brace on a line of its own."""
    counted = list(without_tables(source.splitlines()))
    for indent in ("", "  "):
        start = 0
        fresh = True
        for index, (_, line) in enumerate(counted):
            if line.startswith(indent) and len(line) > len(indent) and line[len(indent)] not in " #}/":
                start = index if fresh else start
                fresh = line.endswith((";", ":"))
            if line == indent + "}":
                if index - start + 1 > FUNCTION_LINES:
                    yield counted[start][0], index - start + 1
                fresh = True
            elif line.startswith(indent + "}") or line.endswith(";") and line.startswith(indent):
                fresh = True


class Tidy(unittest.TestCase):
    maxDiff = None

    def expect_none(self, findings: list[str], rule: str) -> None:
        if findings:
            self.fail(f"{rule}:\n  " + "\n  ".join(findings))

    def test_sources_exist(self) -> None:
        self.assertGreater(len(list(files(".cc", ".h"))), 5)
        self.assertGreater(len(list(files(".py"))), 3)

    def test_a_file_has_at_most_600_lines(self) -> None:
        long = [f"{file}: {lines}" for file in files(".cc", ".h", ".py", ".sh")
                if (lines := len(text(file).splitlines())) > FILE_LINES and file.parts[0] != "tools"]
        self.expect_none(long, "split these files")

    def test_a_function_has_at_most_70_lines(self) -> None:
        long = [f"{file}:{line}: {length} lines" for file in files(".cc", ".h")
                for line, length in long_functions(text(file))]
        self.expect_none(long, "split these functions")

    def test_lines_fit(self) -> None:
        wide = [f"{file}:{number}" for file in files(".cc", ".h", ".py")
                for number, line in enumerate(text(file).splitlines(), 1)
                if len(line) > (PYTHON_COLUMNS if file.suffix == ".py" else CPP_COLUMNS)]
        self.expect_none(wide, "break these lines")

    def test_includes_go_one_way(self) -> None:
        wrong = []
        for file in files(".cc", ".h"):
            folder = file.parts[0]
            for quote, name in INCLUDE.findall(text(file)):
                other = name.split("/")[0]
                if quote != '"' or other == folder:
                    continue
                if other == "conf" and folder not in CONF_USERS and file.name != "main.cc":
                    wrong.append(f"{file}: {name} (conf is for main, control and tests)")
                if folder in LAYERS and other in LAYERS and LAYERS.index(other) > LAYERS.index(folder):
                    wrong.append(f"{file}: {name}")
        self.expect_none(wrong, "includes go base <- protocol <- relay <- applier <- dumper <- control")

    def test_asio_stays_in_the_pumps(self) -> None:
        wrong = []
        for file in files(".cc", ".h"):
            private = str(file.with_suffix(".h")) in PRIVATE_ASIO_HEADERS
            allowed = private or matches(file, ASIO_SOURCES if file.suffix == ".cc" else ASIO_HEADERS)
            for _, name in INCLUDE.findall(text(file)):
                if name in PRIVATE_ASIO_HEADERS and str(file) not in PRIVATE_ASIO_HEADERS[name]:
                    wrong.append(f"{file}: {name} (private to {min(PRIVATE_ASIO_HEADERS[name])} and its pump)")
                if name.startswith(("boost/asio", "boost/beast")) and not allowed:
                    wrong.append(f"{file}: {name}")
        self.expect_none(wrong, "Asio and Beast belong in pump files and the seam headers")

    def test_coroutines_keep_the_rules(self) -> None:
        folders = [folder for folder in [*LAYERS, "conf", "tests"] if list((TOP / folder).glob("**/*.cc"))]
        done = subprocess.run([sys.executable, "tools/coroutine_rules.py", "--pumps", ",".join([*PUMPS, "tests/*"]),
                               *folders], cwd=TOP, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_clang_format_has_nothing_to_change(self) -> None:
        sources = [str(file) for file in files(".cc", ".h")]
        done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *sources], cwd=TOP, capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, "run clang-format-14 -i:\n" + done.stderr[:4000])

    def test_nothing_is_left_unfinished(self) -> None:
        self.expect_none(list(self.lines_with(UNFINISHED)), "finish it, or write the limit into the docs")

    def test_no_word_of_a_workplace(self) -> None:
        self.expect_none(list(self.lines_with(WORKPLACE)), "paths of one machine and hosts of registries stay out")

    def test_no_test_sleeps(self) -> None:
        found = [line for line in self.lines_with(SLEEP) if line.startswith(("tests/", "integration/", "bench/"))]
        self.expect_none(found, "wait for the fact instead")

    @staticmethod
    def lines_with(pattern: re.Pattern[str]) -> Iterator[str]:
        for file in files(".cc", ".h", ".py", ".sh", ".md", ".txt", ".yaml", ".json", "Makefile", "run"):
            if file.parts[0] == "tools":
                continue
            for number, line in enumerate(text(file).splitlines(), 1):
                if pattern.search(line):
                    yield f"{file}:{number}: {line.strip()[:100]}"


class LongFunctions(unittest.TestCase):
    def test_the_limit_itself_is_allowed_and_one_more_is_not(self) -> None:
        for length, found in ((FUNCTION_LINES, []), (FUNCTION_LINES + 1, [(3, FUNCTION_LINES + 1)])):
            body = "  x();\n" * (length - 2)
            self.assertEqual(list(long_functions(f"int a;\n\nvoid f() {{\n{body}}}\n")), found)

    def test_a_table_counts_as_one_line_and_code_after_it_in_full(self) -> None:
        table = "  const Row table[] = {\n" + "      {1},\n" * FUNCTION_LINES + "  };\n"
        for length, found in ((FUNCTION_LINES, []), (FUNCTION_LINES + 1, [(1, FUNCTION_LINES + 1)])):
            body = "  x();\n" * (length - 3)
            self.assertEqual(list(long_functions(f"void f() {{\n{table}{body}}}\n")), found)

    def test_members_inside_a_class_are_seen(self) -> None:
        body = "    x();\n" * FUNCTION_LINES
        source = f"class A {{\n public:\n  void f(int a,\n         int b) {{\n{body}  }}\n}};\n"
        self.assertEqual(list(long_functions(source)), [(3, FUNCTION_LINES + 3)])


if __name__ == "__main__":
    unittest.main()
