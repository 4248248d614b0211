"""Statements that change schemas, in an order that works, each followed by rows that need it.

Every supported kind is here: tables made, altered, renamed, emptied and dropped, columns, keys, charsets, schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from servers import Server


@dataclass(frozen=True)
class Step:
    sql: str  # one statement
    rows: tuple[str, ...] = ()  # what is written after it
    since: int = 56  # MySQL's version that knows it
    mariadb: bool = True
    mode: str | None = None  # sql_mode of its session
    tidb: bool = True  # the target can follow
    charset: str = "utf8mb4"  # of the client


OLDEST = {"mysql56": 56, "mysql57": 57, "mysql80": 80, "mysql97": 97, "mariadb": 0}
ROWS = "insert into base (id, a, b, v) select id + %d, a, b, v from base where id < 100"
ANSI = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"

STEPS = (
    Step("create table base (id int not null auto_increment primary key, a int not null, b int, v varchar(40),"
         " unique key u (a), key k (b)) default charset utf8mb4",
         ("insert into base values (1, 1, 1, 'one'), (2, 2, null, 'zwei'), (3, 3, 3, '三'), (4, 40, 0, '')",)),
    # columns
    Step("alter table base add column c int", ("update base set c = id * 10 where id < 3",)),
    Step("alter table base add column d varchar(20) not null default 'it''s' after a",
         ("insert into base (id, a, v) values (10, 10, 'ten')",)),
    Step("alter table base add column first_one bigint null first", ("update base set first_one = -1",)),
    Step("alter table base add column (e1 int, e2 decimal(10,3) default 1.5)", ("update base set e1 = 5, e2 = 2.25",)),
    Step("alter table base add column f int, add index kf (f), drop column e1",
         ("update base set f = id", "insert into base (id, a, f) values (11, 11, 1)")),
    Step("alter table base add column nothing int, add column n2 int"),
    Step("alter table base modify column nothing int not null", ("update base set nothing = 1",), tidb=False),
    Step("alter table base drop column nothing, drop n2", ("update base set c = 0 where c is null",)),
    Step("alter table base modify column c bigint not null default 0", ("update base set c = 9007199254740993",)),
    Step("alter table base modify column v varchar(200) comment 'wide; really'",
         ("update base set v = repeat('x', 200) where id = 1",)),
    Step("alter table base change column f g bigint", ("update base set g = g + 1",)),
    Step("alter table base change b b int first", ("update base set b = 7 where b is null",)),
    Step("alter table base rename column g to h", ("update base set h = h + 1 where id = 2",), 80),
    Step("alter table base alter column e2 set default 3.125", ("insert into base (id, a) values (12, 12)",)),
    Step("alter table base alter e2 drop default", ("insert into base (id, a, e2) values (13, 13, 0)",)),
    Step("alter table base drop first_one, drop column e2", ("update base set a = a + 100 where id = 3",)),
    Step("alter table base add column at timestamp null default null, add at6 datetime(6) default current_timestamp(6)"
         " on update current_timestamp(6)", ("update base set at = '2024-02-29 12:00:00' where id < 4",)),
    Step("alter table base add column en enum('x','y') default 'y', add se set('p','q'), add bi bit(9) default b'101'",
         ("update base set en = 'x', se = 'p,q', bi = 511 where id = 1",)),
    Step("alter table base modify en enum('x','y','z')", ("update base set en = 'z' where id = 2",)),
    Step("alter table base add j json", ("update base set j = '{\"k\": [1, null]}' where id < 3",), 57),
    Step("alter table base add made int generated always as (a + 1) virtual", ("update base set a = a + 1000",), 57),
    Step("alter table base drop made", (), 57),
    Step("alter table base add column \"quoted \"\"col\" int default 4,"
         " add column q2 varchar(20) default 'back\\slash'",
         ("insert into base (id, a) values (14, 14)",), mode=ANSI),
    Step("alter table base add column bs varchar(20) default 'q\\'b\\\\'",
         ("insert into base (id, a) values (15, 15)",)),
    Step("alter table base drop column `quoted \"col`, drop q2, drop bs"),
    Step("alter table base add hidden int default 5 invisible",
         ("insert into base (id, a) values (16, 16)",), 80, False),
    # keys
    Step("alter table base add unique index u2 (b, a), drop index u", ("update base set b = id",)),
    Step("create index by_v on base (v(10))", ("update base set v = 'short' where id = 1",)),
    Step("create unique index by_c_id on base (c, id)", ("delete from base where id = 4",)),
    Step("drop index by_v on base", ("insert into base (id, a, b, v) values (20, 20, 20, 'w')",)),
    Step("alter table base rename index by_c_id to by_c_and_id", ("update base set c = 1 where id = 20",), 57, False),
    Step("alter table base drop key k"),
    Step("alter table base add index k (b), algorithm=inplace, lock=none", ("update base set b = 0 - id",)),
    Step("alter table base drop index by_c_and_id", ("update base set c = 2",), 57, False),
    Step("alter table base alter index k invisible", (), 80, False),
    Step("alter table base add index functional ((a + b))", ("update base set a = a + 1",), 80, False),
    # table options, charsets
    Step("alter table base comment = 'a table; with a comment', auto_increment = 5000",
         ("insert into base (a, v) values (5000, 'auto')",)),
    Step("alter table base engine = InnoDB"),
    Step("alter table base default character set utf8mb4 collate utf8mb4_bin",
         ("update base set v = 'A' where id = 2",)),
    Step("alter table base add vb varchar(30)", ("update base set vb = 'ß' where id = 2",)),
    Step("create table old_charset (id int primary key, v varchar(40), t text) default charset latin1",
         ("insert into old_charset values (1, 'é', 'ü€'), (2, 'plain', null)",)),
    Step("alter table old_charset add w varchar(10), modify v varchar(50)", ("update old_charset set w = 'ÿ'",)),
    Step("alter table old_charset convert to character set utf8mb4",
         ("insert into old_charset values (3, '名前', '\U0001f600', 'x')",)),
    Step("alter table old_charset modify w varchar(20) character set gbk",
         ("update old_charset set w = '名' where id = 3",),
         tidb=False),
    # clients that do not speak UTF-8; the second byte of 誠 is a backslash in GBK
    Step("alter table base add gb varchar(20) character set utf8mb4 not null default '誠' comment '名', add `列` int",
         charset="gbk"),
    Step("alter table base add l1 varchar(20) character set utf8mb4 not null default 'Größe €'", charset="latin1"),
    Step("alter table base drop gb, drop `列`, drop l1", charset="gbk"),
    # tables
    Step("create table like_base like base", ("insert into like_base (id, a, b, v) select id, a, b, v from base",)),
    Step("create table if not exists like_base like base"),
    Step("create table from_select select id, a, v from base",
         ("insert into from_select values (900, 900, 'more')", "update from_select set a = 0 where id = 1"), 57),
    Step("create table from_select_keyed (primary key (id)) as select id, a, v from base",
         ("delete from from_select_keyed where id = 2",), 57),
    Step("rename table like_base to moved", ("update moved set a = a + 5000",)),
    Step("alter table moved rename to moved_again", ("delete from moved_again where id = 3",)),
    Step("rename table base to swap, moved_again to base, swap to moved_again",
         ("update base set v = 'swapped' where id = 1", "update moved_again set v = 'swapped, too' where id = 1")),
    Step("alter table base rename as based, add column late int", ("update based set late = 3",)),
    Step("truncate table based", ("insert into based (id, a, v) values (1, 1, 'anew')",)),
    Step("truncate moved_again"),
    Step("create table if not exists based (nothing int)"),
    Step("drop table moved_again"),
    Step("drop table if exists never_was, from_select"),
    Step("create table from_select (other varchar(20) primary key)", ("insert into from_select values ('again')",)),
    # primary keys
    Step("create table keys_move (a int not null, b int not null, v int) default charset utf8mb4",
         ("insert into keys_move values (1, 1, 1), (1, 2, 2), (2, 1, 3)",)),
    Step("alter table keys_move add primary key (a, b)", ("update keys_move set v = 9 where a = 2",)),
    Step("alter table keys_move drop primary key", ("insert into keys_move values (1, 1, 1)",
                                                     "delete from keys_move where a = 1 and b = 1 limit 1")),
    Step("alter table keys_move add primary key (b, a)", ("update keys_move set b = b + 10",)),
    Step("alter table keys_move drop primary key, add column id int not null default 0 first, add key (a)",
         ("update keys_move set id = v",)),
    Step("create table counted (id int not null auto_increment primary key, c int not null, v varchar(10), key (c))",
         ("insert into counted (c, v) values (1, 'a'), (2, 'b')",), tidb=False),
    Step("alter table counted drop primary key, add primary key (id, c)",
         ("insert into counted (c, v) values (3, 'c')",), tidb=False),
    Step("alter table counted modify id int not null, drop primary key", ("delete from counted where c = 2",),
         tidb=False),
    Step("alter table counted modify id int not null auto_increment, add primary key (id)",
         ("insert into counted (c, v) values (4, 'd')",), tidb=False),
    # names
    Step("create table `näme with ``tick```(`select` int primary key, `größe` varchar(10), `a.b` int)",
         ("insert into `näme with ``tick``` values (1, 'klein', 2)",)),
    Step("alter table `näme with ``tick``` change `größe` `名` varchar(20), add `from` int",
         ("update `näme with ``tick``` set `名` = '大', `from` = 1",)),
    Step("create table " + "n" * 64 + " (" + "c" * 64 + " int primary key)",
         ("insert into " + "n" * 64 + " values (1)",)),
    Step("/* leading */ alter /* inner */ table -- to the end\n based add commented int /* trailing */",
         ("update based set commented = 1",)),
    Step("alter table /*!40000 based */ add versioned int", ("update based set versioned = 1",)),
    # schemas
    Step("create database other_schema default character set latin1",
         ("create table other_schema.t (id int primary key, v varchar(10))",
          "insert into other_schema.t values (1, 'é')")),
    Step("alter database other_schema character set utf8mb4",
         ("create table other_schema.t2 (id int primary key, v varchar(10))",
          "insert into other_schema.t2 values (1,'名')")),
    Step("rename table other_schema.t to moved_over", ("insert into moved_over values (2, 'ü')",)),
    Step("drop database other_schema"),
    # partitions
    Step("create table parts (id int not null, v int, primary key (id)) partition by range (id)"
         " (partition p0 values less than (100), partition p1 values less than (200))",
         ("insert into parts values (1, 1), (150, 2)",)),
    Step("alter table parts add partition (partition p2 values less than maxvalue)",
         ("insert into parts values (999, 3)",)),
    Step("alter table parts truncate partition p0", ("insert into parts values (2, 2)",)),
    Step("alter table parts drop partition p1", ("insert into parts values (170, 5)",)),
    # what does not concern the target
    Step("create view a_view as select 1 as one"),
    Step("drop view a_view"),
    Step("create procedure a_procedure() select 1"),
    Step("drop procedure a_procedure"),
    Step("create trigger a_trigger before insert on keys_move for each row set new.v = new.v + 1",
         ("insert into keys_move values (50, 50, 50, 50)",)),
    Step("drop trigger a_trigger"),
    Step("analyze table based"),
    Step("optimize table based"),
    Step("flush tables"),
    Step("create temporary table gone (id int)", ("insert into gone values (1)", "drop temporary table gone")),
)


def steps(kind: str, target_kind: str) -> list[Step]:
    known = [step for step in STEPS if (step.mariadb if kind == "mariadb" else OLDEST[kind] >= step.since)]
    return [step for step in known if step.tidb or target_kind != "tidb"]


def session(server: Server, schema: str):  # type: ignore[no-untyped-def]
    connection = server.connect(schema)
    with connection.cursor() as cursor:
        cursor.execute("set sql_mode = ''")
        cursor.execute("set time_zone = '+00:00'")
    return connection


def run(server: Server, schema: str, todo: Sequence[Step]) -> None:
    with session(server, schema) as connection, connection.cursor() as cursor:
        for step in todo:
            if step.charset != "utf8mb4":
                with server.connect(schema, charset=step.charset) as other, other.cursor() as at:
                    at.execute(step.sql)
                continue
            cursor.execute("set sql_mode = %s", (step.mode or "",))
            cursor.execute(step.sql)
            for row in step.rows:
                cursor.execute("set sql_mode = ''")
                cursor.execute(row)
