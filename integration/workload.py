"""Writers that put a source through what breaks replication: every kind of key, key changes, swaps, keyless doubles.

Everything is drawn from a seed. A statement that the server refuses (a duplicate key, mostly) rolls its transaction
back, as an application would; the binlog, and so the target, never see it.
"""

from __future__ import annotations

import random
import threading
from typing import Any, Callable

import pymysql

from servers import Server
from waiting import pause

SCHEMA = "shop"
# Row values are drawn small, so that transactions meet in the same rows.
TABLES = {
    "keyed": """id bigint not null auto_increment primary key, n int not null, price decimal(12,3), note varchar(80),
                changed timestamp(6) null""",
    "two_uniques": "id int not null primary key, u int not null, v varchar(40), unique key (u)",
    "unique_only": "u int not null, v varchar(40), d double, unique key (u)",
    "composite": "a int not null, b varchar(20) not null, c int, v text, primary key (a, b), key (c)",
    "string_key": "name varchar(60) not null primary key, n int, raw varbinary(40)",
    "nullable_unique": "u int null, v varchar(20), unique key (u)",
    "keyless": "a int, b varchar(20), c double, d datetime(3)",
}
KEYLESS = ("nullable_unique", "keyless")
KEYS = 400
NAMES = ["Anna", "anna", "Zoe", "Zoë", "straße", "strasse", "名前", "naïve", "emoji \U0001f600", "quote ' \\ \" `", " "]


def create_tables(server: Server, schema: str = SCHEMA, tables: dict[str, str] | None = None) -> None:
    server.execute(f"create database if not exists `{schema}` character set utf8mb4 collate utf8mb4_general_ci")
    for name, body in (tables or TABLES).items():
        collation = "utf8mb4_bin" if name == "string_key" else "utf8mb4_general_ci"
        server.execute(f"create table `{schema}`.`{name}` ({body}) character set utf8mb4 collate {collation}")


class Writer(threading.Thread):
    """Writes until stop(); goes on after the server's restart. `offset` keeps the keys of two sources apart."""

    def __init__(self, server: Server, seed: int, schema: str = SCHEMA, offset: int = 0,
                 pause_seconds: float = 0.002, large_every: int = 60) -> None:
        super().__init__(daemon=True, name=f"writer {seed}")
        self.server, self.schema, self.offset = server, schema, offset
        self.pause_seconds, self.large_every = pause_seconds, large_every
        self.random = random.Random(seed)
        self.transactions = self.refused = self.reconnects = 0
        self.problem: BaseException | None = None
        self._ended = threading.Event()

    def stop(self) -> None:
        """Ends the writer; a problem that is no refused statement is raised here."""
        self._ended.set()
        self.join(60)
        if self.is_alive():
            raise AssertionError(f"{self.name} does not end")
        if self.problem:
            raise AssertionError(f"{self.name}: {self.problem!r}") from self.problem

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self._write_until_cut()
        except BaseException as problem:  # shown by stop()
            self.problem = problem

    def _write_until_cut(self) -> None:
        try:
            connection = self.server.connect(self.schema, autocommit=False, connect_timeout=5, read_timeout=30)
        except (pymysql.Error, OSError):
            pause(0.1)  # the server is down: look again
            return
        try:
            while not self._ended.is_set():
                self.transaction(connection)
                if self.pause_seconds:
                    pause(self.pause_seconds)
        except (pymysql.OperationalError, pymysql.InterfaceError, OSError) as cut:
            if cut.args and cut.args[0] not in (0, 2006, 2013, 1053, 1317, 2003):
                raise
            self.reconnects += 1
        finally:
            try:
                connection.close()
            except (pymysql.Error, OSError):
                pass

    def write(self, transactions: int) -> "Writer":
        """That many transactions now, in this thread."""
        with self.server.connect(self.schema, autocommit=False) as connection:
            for _ in range(transactions):
                self.transaction(connection)
        return self

    def transaction(self, connection: "pymysql.connections.Connection[Any]") -> None:
        kinds = (self.keyed, self.two_uniques, self.unique_only, self.composite, self.string_key,
                 self.nullable_unique, self.keyless)
        large = self.large_every and self.random.randrange(self.large_every) == 0
        with connection.cursor() as cursor:
            try:
                if large:
                    self.large(cursor)
                else:
                    for _ in range(self.random.choice((1, 1, 2, 3, 6))):
                        self.random.choice(kinds)(cursor.execute)
                if self.random.randrange(25) == 0:
                    connection.rollback()
                else:
                    connection.commit()
                    self.transactions += 1
            except (pymysql.IntegrityError, pymysql.DataError):
                connection.rollback()
                self.refused += 1
            except pymysql.OperationalError as problem:
                if problem.args[0] not in (1205, 1213):  # lock wait, deadlock
                    raise
                connection.rollback()
                self.refused += 1

    # -- draws ----------------------------------------------------------------------------------------------------

    def key(self) -> int:
        return self.offset + self.random.randrange(KEYS)

    def word(self) -> str:
        return self.random.choice(NAMES) + str(self.random.randrange(50))

    def number(self) -> float:
        return self.random.choice((0.0, -0.5, 1e-30, 3.14159265358979, 1e15, self.random.random()))

    # -- one statement or a few of each table ---------------------------------------------------------------------

    def keyed(self, do: Callable[..., Any]) -> None:
        draw, key = self.random.randrange(6), self.key()
        values = (key, self.random.randrange(1000), f"{self.random.randrange(10**6)}.125", self.word())
        if draw < 2:
            do("replace into keyed values (%s, %s, %s, %s, now(6))", values)
        elif draw == 2:
            do("insert ignore into keyed values (%s, %s, %s, %s, null)", values)
        elif draw == 3:
            do("update keyed set n = n + 1, note = %s where id between %s and %s", (self.word(), key, key + 3))
        elif draw == 4:
            do("update keyed set id = %s where id = %s", (self.key(), key))
        else:
            do("delete from keyed where id = %s", (key,))

    def two_uniques(self, do: Callable[..., Any]) -> None:
        draw, key = self.random.randrange(5), self.key()
        if draw < 2:
            do("replace into two_uniques values (%s, %s, %s)", (key, self.key(), self.word()))
        elif draw == 2:
            do("delete from two_uniques where u = %s", (key,))
        elif draw == 3:
            do("update two_uniques set v = %s where id = %s", (self.word(), key))
        else:
            self.swap(do, key, self.key())

    def swap(self, do: Callable[..., Any], one: int, other: int) -> None:
        """Two rows exchange their unique values inside one transaction, over a value that nobody has."""
        if one == other:
            return
        free = -1 - self.offset
        for row in (one, other):
            do("delete from two_uniques where id = %s or u = %s", (row, row))
            do("insert into two_uniques values (%s, %s, 'swap')", (row, row))
        do("update two_uniques set u = %s where id = %s", (free, one))
        do("update two_uniques set u = %s where id = %s", (one, other))
        do("update two_uniques set u = %s where id = %s", (other, one))

    def unique_only(self, do: Callable[..., Any]) -> None:
        draw, key = self.random.randrange(4), self.key()
        if draw < 2:
            do("replace into unique_only values (%s, %s, %s)", (key, self.word(), self.number()))
        elif draw == 2:
            do("update unique_only set u = u + 1 where u = %s", (key,))
        else:
            do("delete from unique_only where u = %s", (key,))

    def composite(self, do: Callable[..., Any]) -> None:
        draw, a, b = self.random.randrange(4), self.offset + self.random.randrange(20), str(self.random.randrange(30))
        if draw < 2:
            do("replace into composite values (%s, %s, %s, %s)", (a, b, self.random.randrange(9), self.word() * 20))
        elif draw == 2:
            do("update composite set b = concat(b, 'x') where a = %s and b = %s", (a, b))
        else:
            do("delete from composite where a = %s and c = %s", (a, self.random.randrange(9)))

    def string_key(self, do: Callable[..., Any]) -> None:
        draw, name = self.random.randrange(4), f"{self.offset}:{self.word()}"
        if draw < 2:
            row = (name, self.random.randrange(99), self.random.randbytes(9))
            do("replace into string_key values (%s, %s, %s)", row)
        elif draw == 2:
            do("update string_key set name = %s where name = %s", (f"{self.offset}:{self.word()}", name))
        else:
            do("delete from string_key where name = %s", (name,))

    def nullable_unique(self, do: Callable[..., Any]) -> None:
        draw, key = self.random.randrange(5), self.key()
        if draw < 2:
            do("insert into nullable_unique values (null, %s)", (str(self.random.randrange(5)),))
        elif draw == 2:
            do("replace into nullable_unique values (%s, 'one')", (key,))
        elif draw == 3:
            do("update nullable_unique set u = null where u = %s", (key,))
        else:
            do("delete from nullable_unique where u is null and v = %s limit 1", (str(self.random.randrange(5)),))

    def keyless(self, do: Callable[..., Any]) -> None:
        draw, a = self.random.randrange(5), self.offset + self.random.randrange(40)
        if draw < 3:
            row = (a, self.random.choice(("same", "same", None)), self.random.choice((None, 0.5, 2.0)))
            for _ in range(self.random.choice((1, 1, 3))):
                do("insert into keyless values (%s, %s, %s, '2024-02-29 12:00:00.125')", row)
        elif draw == 3:
            do("update keyless set c = coalesce(c, 0) + 1 where a = %s limit 1", (a,))
        else:
            do("delete from keyless where a = %s limit 2", (a,))

    def large(self, cursor: Any) -> None:
        """One transaction over many rows of two tables."""
        count = self.random.randrange(200, 900)
        first = self.offset + KEYS * 2
        cursor.executemany("replace into keyed values (%s, %s, %s, %s, %s)",
                           [(first + at, at, 1.5, self.word(), None) for at in range(count)])
        cursor.executemany("insert into keyless values (%s, %s, %s, %s)",
                           [(self.offset + 50, "large", float(at % 7), None) for at in range(count // 4)])
        cursor.execute("delete from keyless where a = %s limit %s", (self.offset + 50, count // 5))
