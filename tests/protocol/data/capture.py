#!/usr/bin/env python3
"""Makes NAME.binlog and NAME.rows of this folder from NAME's SQL, on a server that integration/servers.py started.

    python3 tests/protocol/data/capture.py SERVER NAME SCRIPT.sql... [--before SQL]

The binlog is the server's own file; the rows are what the server prints for each table afterwards, so a script only
inserts. A line `#table` of NAME.rows names a table and, for each column, how its text is to be read:
i signed, u unsigned, d decimal, f float, r double, t date or time, c:CHARSET text as hex of its UTF-8, b bytes as hex,
j JSON as hex, v VECTOR as hex. Values are separated by tabs, NULL is \\N, ~BYTES:CRC32 stands for a long one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "integration"))
import system_python

system_python.ensure()

import pymysql

INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
TEMPORAL = ("date", "time", "datetime", "timestamp")


def reading(column: tuple[str, ...]) -> tuple[str, str]:
    """How the rows file shows a column, and the expression that prints it."""
    name, data_type, column_type, charset = column
    quoted = f"`{name}`"
    if data_type in INTEGERS:
        return ("u" if "unsigned" in column_type else "i"), quoted
    if data_type in ("enum", "set", "bit", "year"):
        return "u", f"cast({quoted} as unsigned)"
    if data_type == "decimal":
        return "d", f"cast({quoted} as char)"
    if data_type in ("float", "double"):
        return ("f" if data_type == "float" else "r"), f"{quoted}*1e0"
    if data_type in TEMPORAL:
        return "t", f"cast({quoted} as char)"
    if data_type == "json":
        return "j", f"hex(cast({quoted} as char))"
    if data_type == "vector":
        return "v", f"hex({quoted})"
    if charset and data_type != "json":
        return f"c:{charset}", f"hex(convert({quoted} using utf8mb4))"
    if data_type in ("uuid", "inet4", "inet6"):
        return data_type, f"cast({quoted} as char)"
    return "b", f"hex({quoted})"


def shown(value: object, kind: str) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    if kind[0] in "cbjv" and len(text) > 200:
        raw = bytes.fromhex(text)
        return f"~{len(raw)}:{zlib.crc32(raw)}"
    return text


def table_rows(cursor: pymysql.cursors.Cursor, table: str) -> str:
    cursor.execute(
        "select column_name, data_type, column_type, character_set_name from information_schema.columns"
        " where table_schema = 'types' and table_name = %s order by ordinal_position", (table,))
    readings = [reading(row) for row in cursor.fetchall()]
    cursor.execute(f"select {', '.join(expression for _, expression in readings)} from `{table}` order by `id`")
    lines = [f"#{table}\t" + "\t".join(kind for kind, _ in readings)]
    for row in cursor.fetchall():
        lines.append("\t".join(shown(value, kind) for value, (kind, _) in zip(row, readings)))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("name")
    parser.add_argument("scripts", nargs="+")
    parser.add_argument("--before", action="append", default=[], help="a statement to run first, outside of the log")
    parser.add_argument("--next", action="store_true", help="keep the second binlog file too, as NAME_next.binlog")
    arguments = parser.parse_args()
    listed = subprocess.run([sys.executable, str(HERE.parents[2] / "integration" / "servers.py"), "list"],
                            check=True, capture_output=True, text=True).stdout
    found = re.search(rf"^{re.escape(arguments.server)}: .*127\.0\.0\.1:(\d+),.*folder (\S+)$", listed, re.MULTILINE)
    if not found:
        sys.exit(f"no running server {arguments.server}")
    connection = pymysql.connect(host="127.0.0.1", port=int(found[1]), user="root", password="root-secret",
                                 charset="utf8mb4", autocommit=True)
    cursor = connection.cursor()
    cursor.execute("drop database if exists types")
    cursor.execute("select version()")
    version = cursor.fetchone()[0]
    new = int(version.split(".")[0]) >= 9 and "MariaDB" not in version
    for statement in arguments.before:
        cursor.execute(statement)
    cursor.execute("reset binary logs and gtids" if new else "reset master")
    cursor.execute("set session sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00'")
    cursor.execute("set session group_concat_max_len=1000000")
    cursor.execute("create database types")
    cursor.execute("use types")
    for script in arguments.scripts:
        for line in (HERE / script).read_text().splitlines():
            if line and not line.startswith("--"):
                cursor.execute(line)
    cursor.execute("flush binary logs")
    cursor.execute("select table_name from information_schema.tables where table_schema = 'types'"
                   " and table_type like '%TABLE%' order by table_name")
    tables = [row[0] for row in cursor.fetchall()]
    (HERE / f"{arguments.name}.rows").write_text("".join(table_rows(cursor, table) for table in tables))
    logs = Path(found[2]) / "data"
    (HERE / f"{arguments.name}.binlog").write_bytes((logs / "binlog.000001").read_bytes())
    if arguments.next:
        (HERE / f"{arguments.name}_next.binlog").write_bytes((logs / "binlog.000002").read_bytes())
    print(arguments.name, version, (HERE / f"{arguments.name}.binlog").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
