"""Compares tables row by row, as multisets of canonical values, so that keyless and merged tables work too."""

from __future__ import annotations

import json
import struct
from collections import Counter
from typing import Any, Iterable, Sequence

from servers import Server
from waiting import until

Row = tuple[Any, ...]
SHOWN = 8
INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
BYTES = ("binary", "varbinary", "bit", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point",
         "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
         "geomcollection")


def columns(server: Server, schema: str, table: str) -> list[tuple[str, str]]:
    """(name, data type) of every column that is not generated, in order."""
    return [(name, kind.lower()) for name, kind, extra in server.query(
        "select column_name, data_type, extra from information_schema.columns"
        " where table_schema = %s and table_name = %s order by ordinal_position", (schema, table))
        if "GENERATED" not in extra.upper().replace("DEFAULT_GENERATED", "")]


def canonical(value: bytes | None, kind: str) -> Any:
    """The same value for the same content, however a server writes it."""
    if value is None:
        return None
    if kind == "json":
        return json.dumps(json.loads(value), sort_keys=True)
    if kind in ("float", "double"):
        return float(value)
    if kind in INTEGERS:
        return int(value)  # TiDB prints ZEROFILL without its zeros
    if kind == "vector" and value.startswith(b"["):  # TiDB prints it
        return struct.pack(f"<{value.count(b',') + 1}f", *json.loads(value)).hex()
    if kind in (*BYTES, "vector"):
        return value.hex()
    return value.decode("utf-8")


def rows(server: Server, schema: str, table: str, names: Sequence[tuple[str, str]]) -> Counter[Row]:
    """All rows of a table; values come as the server's own text, in UTC."""
    chosen = ", ".join(_as_text(name, kind) for name, kind in names)
    with server.connect(conv={}, use_unicode=False) as connection, connection.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")
        cursor.execute(f"select {chosen} from {quoted(schema)}.{quoted(table)}")
        kinds = [kind for _, kind in names]
        return Counter(tuple(map(canonical, row, kinds)) for row in cursor.fetchall())


def _as_text(name: str, kind: str) -> str:
    if kind == "float":  # its plain text is cut to six digits
        return f"{quoted(name)} + 0e0"
    return quoted(name)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def difference(expected: Counter[Row], actual: Counter[Row]) -> str:
    """Empty when equal; else which rows are missing and which are too many."""
    missing, extra = expected - actual, actual - expected
    if not missing and not extra:
        return ""
    lines = [f"{expected.total()} rows expected, {actual.total()} there"]
    for word, some in (("missing", missing), ("too many", extra)):
        lines += [f"  {word}: {_short(row)}" + (f" x{times}" if times > 1 else "")
                  for row, times in list(some.items())[:SHOWN]]
        if len(some) > SHOWN:
            lines.append(f"  {word}: and {len(some) - SHOWN} more")
    return "\n".join(lines)


def _short(row: Row) -> str:
    text = repr(row)
    return text if len(text) < 300 else text[:300] + "..."


def table_difference(sources: Iterable[Server], target: Server, schema: str, table: str,
                     target_schema: str | None = None, target_table: str | None = None) -> str:
    """Target against the union of the sources."""
    sources = list(sources)
    names = columns(sources[0], schema, table)
    if not names:
        return f"{schema}.{table} is not in the source"
    there = dict(columns(target, target_schema or schema, target_table or table))
    lacking = [name for name, _ in names if name not in there]
    if lacking:
        return f"{schema}.{table} of the target lacks {lacking if there else 'everything: no such table'}"
    expected: Counter[Row] = Counter()
    for source in sources:
        expected.update(rows(source, schema, table, names))
    return difference(expected, rows(target, target_schema or schema, target_table or table, names))


def differences(sources: Sequence[Server], target: Server, schema: str, tables: Iterable[str]) -> str:
    found = {table: table_difference(sources, target, schema, table) for table in tables}
    return "\n".join(f"{schema}.{table}: {text}" for table, text in found.items() if text)


def until_equal(sources: Sequence[Server], target: Server, schema: str, tables: Sequence[str],
                deadline_seconds: float = 120) -> None:
    """The sources must be quiet; the last difference is in the failure."""

    def look() -> tuple[bool, str]:
        text = differences(sources, target, schema, tables)
        return not text, text

    until(f"{schema}: target equal to the source", look, deadline_seconds, every_seconds=0.3)
