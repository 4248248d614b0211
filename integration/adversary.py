"""Random schemas, rows and statements for a source, drawn from a seed: tables with every kind of key and column type,
transactions that meet in the same few rows, statements that change the tables between them.

What the server refuses is rolled back and forgotten, as an application would. Left out is what a target is documented
not to follow (docs, Limits): for TiDB another primary key, and conversions that lose.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

import pymysql

import columns
from servers import Server
from waiting import pause

SCHEMAS = ("adv_a", "adv_b")
TEXT_KEYS = ("'a'", "'A'", "'b'", "'ä'", "'a '", "''", "'ß'", "'ss'", "'\U0001f600'", "'名'")
KEY_TYPES = {  # small domains, so that rows meet
    "int": tuple(map(str, range(12))),
    "bigint unsigned": ("0", "1", "2", "18446744073709551615", "9223372036854775808", "7"),
    "varchar(20) character set utf8mb4 collate utf8mb4_general_ci": TEXT_KEYS,
    "varchar(20) character set utf8mb4 collate utf8mb4_unicode_ci": TEXT_KEYS,
    "varchar(20) character set utf8mb4 collate utf8mb4_bin": TEXT_KEYS,
    "char(12) character set utf8mb4 collate utf8mb4_general_ci": TEXT_KEYS,
    "varbinary(12)": ("''", "0x00", "0x6100", "0x61", "0x41", "0xff"),
    "binary(4)": ("0x00", "0x61", "0x6162", "0xffffffff"),
    "datetime(3)": ("'2024-02-29 12:00:00.125'", "'2024-02-29 12:00:00.126'", "'1000-01-01'", "'9999-12-31'"),
    "date": ("'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'2024-01-01'"),
    "decimal(20,5)": ("0", "-1.5", "1.50000", "99999.99999", "3"),
    "time(2)": ("'-12:00:00.25'", "'00:00:00'", "'838:59:59'"),
    "year": ("1901", "2155", "2024"),
    "tinyint": ("-128", "127", "0", "5"),
}
GROUPS = ("numbers", "times", "texts", "charsets", "bytes", "members", "json")


@dataclass
class Field:
    name: str
    type: str
    values: tuple[str, ...]
    null: bool
    in_key: bool = False

    def sql(self) -> str:
        return f"`{self.name}` {self.type} {'null' if self.null else 'not null'}"


@dataclass
class Table:
    schema: str
    name: str
    fields: list[Field]
    keys: list[str]
    indexes: list[str] = field(default_factory=list)
    serial: int = 0

    def place(self) -> str:
        return f"`{self.schema}`.`{self.name}`"

    def plain(self) -> list[Field]:
        return [one for one in self.fields if not one.in_key]


class Adversary(threading.Thread):
    """Writes until stop(); `statements` says whether schemas change, too."""

    def __init__(self, server: Server, seed: int, statements: bool = True) -> None:
        super().__init__(daemon=True, name=f"adversary {seed}")
        self.server, self.random, self.statements = server, random.Random(seed), statements
        self.tables: list[Table] = []
        self.transactions = self.changes = self.refused = self.serial = 0
        self.problem: BaseException | None = None
        self.ended = threading.Event()
        self.pool = [column for group in GROUPS for column in columns.columns_of(group, server.kind)
                     if column.values and len(max(column.values, key=len)) < 5000]

    def begin(self, tables: int = 8) -> "Adversary":
        for schema in SCHEMAS:
            self.server.execute(f"create database if not exists {schema} character set utf8mb4 collate utf8mb4_bin")
        with self.connect() as connection, connection.cursor() as cursor:
            for _ in range(tables):
                self.create(cursor)
        return self

    def again(self, seed: int, statements: bool = True) -> "Adversary":
        """Goes on with the same tables."""
        other = Adversary(self.server, seed, statements)
        other.tables, other.serial = self.tables, self.serial
        return other

    def connect(self) -> "pymysql.connections.Connection[Any]":
        connection = self.server.connect(SCHEMAS[0], autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute(columns.MODE)
            cursor.execute("set time_zone = '+00:00'")
        return connection

    def run(self) -> None:
        try:
            with self.connect() as connection:
                while not self.ended.is_set():
                    self.step(connection)
                    pause(0.003)
        except BaseException as problem:
            self.problem = problem

    def stop(self) -> None:
        self.ended.set()
        self.join(60)
        if self.problem:
            raise self.problem

    def step(self, connection: "pymysql.connections.Connection[Any]") -> None:
        with connection.cursor() as cursor:
            try:
                if self.statements and self.random.randrange(25) == 0:
                    self.change(cursor)
                else:
                    self.transaction(cursor)
                    (connection.rollback if self.random.randrange(15) == 0 else connection.commit)()
                    self.transactions += 1
            except (pymysql.IntegrityError, pymysql.DataError, pymysql.ProgrammingError, pymysql.NotSupportedError,
                    pymysql.InternalError):
                connection.rollback()
                self.refused += 1
            except pymysql.OperationalError as refusal:
                if refusal.args[0] in (2006, 2013):
                    raise
                connection.rollback()
                self.refused += 1

    # -- rows -----------------------------------------------------------------------------------------------------

    def transaction(self, cursor: Any) -> None:
        for at in range(self.random.choice((1, 1, 2, 4, 12))):
            if at and self.random.randrange(12) == 0:
                cursor.execute("savepoint here")
                self.dml(cursor, self.random.choice(self.tables))
                cursor.execute("rollback to savepoint here")
            self.dml(cursor, self.random.choice(self.tables))

    def value(self, one: Field) -> str:
        return "null" if one.null and self.random.randrange(5) == 0 else self.random.choice(one.values)

    def where(self, table: Table) -> str:
        one = self.random.choice([each for each in table.fields if each.in_key] or table.fields)
        value = self.value(one)
        return f"`{one.name}` is null" if value == "null" else f"`{one.name}` = {value}"

    def dml(self, cursor: Any, table: Table) -> None:
        draw = self.random.randrange(10)
        names = ", ".join(f"`{one.name}`" for one in table.fields)
        if draw < 5:
            rows = ", ".join("(" + ", ".join(map(self.value, table.fields)) + ")"
                             for _ in range(self.random.choice((1, 1, 2, 5))))
            verb = self.random.choice(("insert ignore", "insert ignore", "replace", "insert"))
            cursor.execute(f"{verb} into {table.place()} ({names}) values {rows}")
        elif draw < 8:
            some = self.random.sample(table.fields, self.random.randint(1, min(3, len(table.fields))))
            sets = ", ".join(f"`{one.name}` = {self.value(one)}" for one in some)
            limit = self.random.choice(("limit 1", "limit 1", "limit 3"))
            cursor.execute(f"update ignore {table.place()} set {sets} where {self.where(table)} {limit}")
        else:
            cursor.execute(f"delete from {table.place()} where {self.where(table)} limit 2")

    # -- tables ---------------------------------------------------------------------------------------------------

    def name(self, prefix: str) -> str:
        self.serial += 1
        return self.random.choice((f"{prefix}{self.serial}", f"{prefix} ä{self.serial}", f"{prefix}`{self.serial}"))

    def fresh(self, null: bool | None = None) -> Field:
        column = self.random.choice(self.pool)
        return Field(self.name("c"), column.type.replace(" null", ""), column.values,
                     self.random.randrange(3) > 0 if null is None else null)

    def create(self, cursor: Any) -> None:
        kind = self.random.choice(("primary", "primary", "composite", "unique", "two", "nullable", "none"))
        wanted = {"primary": 1, "composite": 2, "unique": 1, "two": 2, "nullable": 1, "none": 0}[kind]
        fields = []
        for _ in range(wanted):
            type_, values = self.random.choice(list(KEY_TYPES.items()))
            fields.append(Field(self.name("k"), type_, values, kind == "nullable", True))
        keys = {"primary": ["primary key ({0})"], "composite": ["primary key ({0}, {1})"],
                "unique": ["unique key u ({0})"], "two": ["primary key ({0})", "unique key u ({1})"],
                "nullable": ["unique key u ({0})"], "none": []}[kind]
        names = [f"`{one.name.replace('`', '``')}`" for one in fields]
        for one in fields:
            one.name = one.name.replace("`", "``")
        made = [self.fresh() for _ in range(self.random.randint(1, 5))]
        for one in made:
            one.name = one.name.replace("`", "``")
        fields += made
        self.random.shuffle(fields)
        table = Table(self.random.choice(SCHEMAS), self.name("t").replace("`", "``"), fields,
                      [key.format(*names) for key in keys])
        body = ", ".join([*(one.sql() for one in fields), *table.keys])
        cursor.execute(f"create table {table.place()} ({body}) row_format=dynamic"
                       " character set utf8mb4 collate utf8mb4_general_ci")
        self.tables.append(table)

    def change(self, cursor: Any) -> None:
        self.changes += 1
        draw, table = self.random.randrange(12), self.random.choice(self.tables)
        if draw < 2 and len(self.tables) < 14:
            self.create(cursor)
        elif draw == 2 and len(self.tables) > 4:
            cursor.execute(f"drop table {table.place()}")
            self.tables.remove(table)
        elif draw == 3:
            cursor.execute(f"truncate table {table.place()}")
        elif draw == 4:
            to = Table(self.random.choice(SCHEMAS), self.name("t").replace("`", "``"), table.fields, table.keys)
            cursor.execute(f"rename table {table.place()} to {to.place()}")
            table.schema, table.name = to.schema, to.name
        elif draw < 8:
            one = self.fresh(True)
            one.name = one.name.replace("`", "``")
            place = self.random.choice(("", " first", f" after `{self.random.choice(table.fields).name}`"))
            cursor.execute(f"alter table {table.place()} add column {one.sql()}{place}")
            table.fields.append(one)
        else:
            self.change_column(cursor, table)

    def change_column(self, cursor: Any, table: Table) -> None:
        if not table.plain():
            return
        one, draw = self.random.choice(table.plain()), self.random.randrange(5)
        if draw == 0 and len(table.fields) > 2:
            cursor.execute(f"alter table {table.place()} drop column `{one.name}`")
            table.fields.remove(one)
        elif draw == 1:
            to = Field(self.name("r").replace("`", "``"), one.type, one.values, one.null)
            cursor.execute(f"alter table {table.place()} change column `{one.name}` {to.sql()}")
            one.name = to.name
        elif draw == 2 and not one.null:
            wider = Field(one.name, one.type, one.values, True)
            cursor.execute(f"alter table {table.place()} modify {wider.sql()}")
            one.null = True
        elif draw == 3 and one.type in ("int", "smallint", "tinyint", "mediumint"):
            wider = Field(one.name, "bigint", one.values, one.null)
            cursor.execute(f"alter table {table.place()} modify {wider.sql()}")
            one.type = "bigint"
        else:
            whole = any(word in one.type for word in ("int", "date", "time", "decimal", "enum", "year"))
            if whole:
                index = self.name("i").replace("`", "_")
                cursor.execute(f"alter table {table.place()} add index `{index}` (`{one.name}`)")
