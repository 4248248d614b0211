"""Fills a source: sysbench's table and its write transactions, many in one packet, so that the source is the limit."""

from __future__ import annotations

import random
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from servers import Server

SCHEMA = "sbtest"
TABLE = "sbtest1"
CREATE = (f"create table {SCHEMA}.{TABLE} (id int not null auto_increment primary key, k int not null default 0,"
          " c char(120) not null default '', pad char(60) not null default '', key k_1 (k))")
ROWS_A_STATEMENT = 5000
TRANSACTIONS_A_PACKET = 100


def groups(draw: random.Random, count: int) -> str:
    """`count` groups of eleven digits, as sysbench writes them."""
    digits = f"{draw.getrandbits(37 * count):0{11 * count + 2}d}"
    return "-".join(digits[at * 11:at * 11 + 11] for at in range(count))


def create(server: Server) -> None:
    server.execute(f"create database {SCHEMA}", CREATE)


def fill(server: Server, rows: int, seed: int = 1) -> None:
    draw = random.Random(seed)
    with server.connect(SCHEMA, autocommit=True) as connection, connection.cursor() as cursor:
        for first in range(1, rows + 1, ROWS_A_STATEMENT):
            values = ",".join(f"({key},{draw.randrange(1, rows + 1)},'{groups(draw, 10)}','{groups(draw, 5)}')"
                              for key in range(first, min(first + ROWS_A_STATEMENT, rows + 1)))
            cursor.execute(f"insert into {TABLE} (id, k, c, pad) values {values}")


def transaction(draw: random.Random, rows: int) -> str:
    """oltp_write_only: two updates, a delete and an insert of the deleted key."""
    one, two, three = (draw.randrange(1, rows + 1) for _ in range(3))
    return (f"begin;update {TABLE} set k=k+1 where id={one};update {TABLE} set c='{groups(draw, 10)}' where id={two};"
            f"delete from {TABLE} where id={three};insert into {TABLE} (id,k,c,pad) values"
            f" ({three},{draw.randrange(1, rows + 1)},'{groups(draw, 10)}','{groups(draw, 5)}');commit;")


def checksum(server: Server) -> tuple[int, ...]:
    """Of all rows: equal on both sides when the target has arrived."""
    return tuple(int(part or 0) for part in server.query(
        f"select count(*), sum(k), bit_xor(crc32(concat_ws(',', id, k, c, pad))) from {SCHEMA}.{TABLE}")[0])


def _connect(server: Server) -> "pymysql.connections.Connection[Any]":
    return server.connect(SCHEMA, client_flag=CLIENT.MULTI_STATEMENTS)


def small_transactions(server: Server, count: int, rows: int, seed: int = 2) -> int:
    """`count` transactions of four changes; returns the changes."""
    draw = random.Random(seed)
    with _connect(server) as connection, connection.cursor() as cursor:
        for first in range(0, count, TRANSACTIONS_A_PACKET):
            cursor.execute("".join(transaction(draw, rows)
                                   for _ in range(min(TRANSACTIONS_A_PACKET, count - first))))
            while cursor.nextset():
                pass
    return count * 4


def large_transactions(server: Server, count: int, changes: int = 20000) -> int:
    """`count` transactions that insert `changes` rows each, copies of the first ones; returns the changes."""
    with server.connect(SCHEMA) as connection, connection.cursor() as cursor:
        return sum(cursor.execute(f"insert into {TABLE} (k, c, pad) select k, c, pad from {TABLE} where id <= %s",
                                  (changes,)) for _ in range(count))
