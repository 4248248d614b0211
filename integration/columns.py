"""Every column type that a source has, with the values at its edges, as SQL text of the source.

A table of a group has a key and the group's columns; row n holds the n-th value of each column, so that a table has as
many rows as its longest list. `keyless` twins have the columns alone: there rows are matched by all their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

from servers import Server

OLDEST = {"mysql56": 56, "mysql57": 57, "mysql80": 80, "mysql97": 97, "mariadb": 0}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    values: tuple[str, ...]
    since: int = 56  # MySQL's version; 0: MariaDB alone
    mariadb: bool = True  # MariaDB has it, too

    def known_to(self, kind: str) -> bool:
        if kind == "mariadb":
            return self.mariadb
        return self.since != 0 and OLDEST[kind] >= self.since


def integers(name: str, bits: int) -> list[Column]:
    half, whole = 2 ** (bits - 1), 2**bits
    return [Column(f"c_{name}", name, ("0", "1", "-1", str(half - 1), str(-half))),
            Column(f"u_{name}", f"{name} unsigned", ("0", "1", str(half), str(whole - 1)))]


NINES = "9" * 35 + "." + "9" * 30
NUMBERS = [
    *integers("tinyint", 8), *integers("smallint", 16), *integers("mediumint", 24), *integers("int", 32),
    *integers("bigint", 64),
    Column("c_bool", "tinyint(1)", ("0", "1", "-128")),
    Column("c_zerofill", "int(8) unsigned zerofill", ("0", "42", "4294967295")),
    Column("c_dec_fraction", "decimal(65,30)", ("0", NINES, f"-{NINES}", "0." + "0" * 29 + "1", "-1.5", "1e10")),
    Column("c_dec_whole", "decimal(65,0)", ("9" * 65, "-" + "9" * 65, "0", "123456789012345678901234567890")),
    Column("c_dec_small", "decimal(10,2)", ("0.01", "-0.01", "99999999.99", "1000000000e-2")),
    Column("c_dec_unsigned", "decimal(9,9) unsigned", ("0.999999999", "0.000000001", "0")),
    Column("c_float", "float", ("0", "3.4028234e38", "-3.4028234e38", "1.17549435e-38", "0.1", "16777217", "1e-7")),
    Column("c_double", "double", ("0", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308",
                                  "0.1", "123456789.123456789", "9007199254740993", "-1e-300")),
    Column("c_double_fixed", "double(20,4)", ("0", "1234567890123.4567", "-0.0001")),
    Column("c_float_fixed", "float(9,3)", ("0", "123456.789", "-0.001")),
    Column("c_bit_1", "bit(1)", ("b'0'", "b'1'")),
    Column("c_bit_10", "bit(10)", ("b'0'", "b'1111111111'", "b'1000000001'", "b'101010'")),
    Column("c_bit_64", "bit(64)", ("b'0'", "b'" + "1" * 64 + "'", "b'1" + "0" * 63 + "'", "0x0027005c")),
]

TIMES = [
    Column("c_date", "date", ("'0000-00-00'", "'2024-00-15'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'",
                              "'2024-02-29'")),
    Column("c_datetime", "datetime", ("'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'")),
    Column("c_datetime_3", "datetime(3)", ("'2024-02-29 12:34:56.789'", "'0000-00-00 00:00:00.000'")),
    Column("c_datetime_6", "datetime(6)", ("'9999-12-31 23:59:59.999999'", "'1000-01-01 00:00:00.000001'")),
    Column("c_timestamp", "timestamp null", ("'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'",
                                             "'2024-03-31 01:30:00'")),
    Column("c_timestamp_6", "timestamp(6) null", ("'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'",
                                                  "'0000-00-00 00:00:00'")),
    Column("c_time", "time", ("'00:00:00'", "'-838:59:59'", "'838:59:59'", "'-00:00:01'")),
    Column("c_time_1", "time(1)", ("'-00:00:00.1'", "'12:34:56.7'", "'-838:59:58.9'")),
    Column("c_time_3", "time(3)", ("'-12:34:56.789'", "'-00:00:00.001'", "'838:59:58.999'")),
    Column("c_time_6", "time(6)", ("'-00:00:00.000001'", "'-838:59:58.999999'", "'11:12:13.141516'")),
    Column("c_year", "year", ("0", "1901", "2155", "1970")),
]

ODD = "' quote '' back \\\\ slash \\n line \\t tab \\r return \\0 nul \\Z sub \" ` % _ '"
LATIN = "_latin1 x'e9e0fc8099'"  # é à ü € ™ in cp1252
SPACED = "'trailing   '"
WIDE = "'\U0001f600 名前 naïve \U00010348 ß'"
BASIC = "'名前 naïve ß Ω ж'"


def text(name: str, charset: str, *values: str, since: int = 56, mariadb: bool = True) -> list[Column]:
    return [Column(f"v_{name}", f"varchar(60) character set {charset}", values, since, mariadb),
            Column(f"c_{name}", f"char(60) character set {charset}", values, since, mariadb),
            Column(f"t_{name}", f"text character set {charset}", values, since, mariadb)]


TEXTS = [
    *text("utf8mb4", "utf8mb4", WIDE, ODD, SPACED, "''", "repeat('\U0001f600', 60)"),
    *text("utf8", "utf8", BASIC, ODD, SPACED, "''"),
    *text("latin1", "latin1", LATIN, ODD, SPACED, "''", "repeat('ÿ', 60)"),
    *text("ascii", "ascii", ODD, SPACED, "''", "'~'"),
    Column("c_tinytext", "tinytext", (WIDE, ODD, "repeat('x', 255)")),
    Column("c_mediumtext", "mediumtext", (WIDE, ODD, "repeat('x', 70000)")),
    Column("c_longtext", "longtext", ("repeat('ж', 70000)", ODD, "''")),
    Column("c_bin_collation", "varchar(20) character set utf8mb4 collate utf8mb4_bin", ("'A'", "'a'", "'a '")),
]

CHARSETS = [
    *text("gbk", "gbk", "'名前'", ODD, SPACED, "_gbk x'81408150b0a1'"),
    *text("utf16", "utf16", WIDE, ODD, SPACED),
    *text("utf16le", "utf16le", WIDE, ODD),
    *text("utf32", "utf32", WIDE, ODD, SPACED),
    *text("ucs2", "ucs2", BASIC, ODD),
    *text("big5", "big5", "'名前'", ODD),
    *text("sjis", "sjis", "'名前'", "_sjis x'835c'", "'plain'"),
    *text("euckr", "euckr", "'한국'", "'plain'"),
    *text("gb18030", "gb18030", WIDE, ODD, since=57, mariadb=False),
    *text("cp1251", "cp1251", "'жизнь'", ODD),
    *text("koi8r", "koi8r", "'жизнь'", ODD),
    *text("latin2", "latin2", "'łódź'", ODD),
    *text("cp932", "cp932", "'名前'", "'plain'"),
    *text("ujis", "ujis", "'名前'", "'plain'"),
]

EVERY_BYTE = "0x" + "".join(f"{byte:02x}" for byte in range(256))
BYTES = [
    Column("c_binary", "binary(8)", ("0x00", "0x0000000000000000", "0xffffffffffffffff", "0x2020", "'a'",
                                     "0x61000000")),
    Column("c_varbinary", "varbinary(300)", (EVERY_BYTE, "''", "0x00", "0x5c275c00", "0x20202000")),
    Column("c_tinyblob", "tinyblob", ("0x00ff", "''", f"left({EVERY_BYTE}, 255)")),
    Column("c_blob", "blob", (EVERY_BYTE, "''", "repeat(0x00, 3000)")),
    Column("c_mediumblob", "mediumblob", (EVERY_BYTE, f"repeat({EVERY_BYTE}, 300)")),
    Column("c_longblob", "longblob", (EVERY_BYTE, f"repeat({EVERY_BYTE}, 400)")),
    Column("c_text_as_bytes", "varchar(50) character set binary", ("0x00ff", EVERY_BYTE.replace("0x", "0x")[:80])),
]

MEMBERS = [
    Column("c_enum", "enum('a','b','','ü','with ''quote''','comma,inside') character set utf8mb4",
           ("'a'", "''", "'ü'", "'with ''quote'''", "'comma,inside'")),
    Column("c_enum_latin1", "enum('é','A') character set latin1", ("'é'", "'A'")),
    Column("c_enum_bin", "enum('x','X') character set utf8mb4 collate utf8mb4_bin", ("'x'", "'X'")),
    Column("c_enum_large", "enum(" + ",".join(f"'member {at}'" for at in range(300)) + ")",
           ("'member 0'", "'member 255'", "'member 299'")),
    Column("c_set", "set('a','b','c','ü') character set utf8mb4", ("''", "'a'", "'a,c,ü'", "'a,b,c,ü'")),
    Column("c_set_64", "set(" + ",".join(f"'m{at}'" for at in range(64)) + ")",
           ("''", "'m63'", "'m0,m63'", "'m0,m7,m8,m31,m32,m33'", "18446744073709551615")),
]

JSON = [
    Column("c_json", "json", (
        "'null'", "'true'", "'false'", "'0'", "'-1'", "'9223372036854775807'", "'-9223372036854775808'",
        "'18446744073709551615'", "'1.5'", "'-1e-300'", "'1.7976931348623157e308'", "'\"\"'", "'\"text\"'",
        "'\"\U0001f600 \\\\\" \\\\\\\\ \\\\u0001 \\\\n\"'", "'[]'", "'{}'", "'[1,[2,[3,[4,{\"a\":[]}]]]]'",
        "'{\"\":1,\"b\":null,\"a\":{\"ü\":\"名\"}}'", "'[32767,32768,-32768,-32769,65535,65536,2147483647,4294967296]'",
        "concat('\"', repeat('x', 70000), '\"')", "concat('[', repeat('1,', 20000), '2]')", "null"), 57),
    Column("c_json_made", "json", (
        "json_array(cast('2024-02-29' as date), cast('12:34:56.789' as time(3)))",
        "json_object('at', cast('2024-02-29 12:34:56.123456' as datetime(6)), 'd', cast('1.50' as decimal(10,2)))",
        "json_array(1.25, true, null, '', cast(1 as unsigned))", "json_object('k', json_array())"), 57, False),
]

SHAPES = [
    Column("c_geometry", "geometry", ("st_geomfromtext('POINT(1 2)')", "st_geomfromtext('LINESTRING(0 0,1 1,2 2)')",
                                      "st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')")),
    Column("c_point", "point", ("st_geomfromtext('POINT(-0.5 1e300)')", "st_geomfromtext('POINT(0 0)')")),
    Column("c_linestring", "linestring", ("st_geomfromtext('LINESTRING(0 0,1 1)')",)),
    Column("c_polygon", "polygon", ("st_geomfromtext('POLYGON((0 0,10 0,10 10,0 10,0 0),(5 5,7 5,7 7,5 7,5 5))')",)),
    Column("c_multipoint", "multipoint", ("st_geomfromtext('MULTIPOINT(0 0,20 20,60 60)')",)),
    Column("c_multipolygon", "multipolygon",
           ("st_geomfromtext('MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((2 2,3 2,3 3,2 3,2 2)))')",)),
    Column("c_collection", "geometrycollection", ("st_geomfromtext('GEOMETRYCOLLECTION(POINT(9 9))')",)),
    Column("c_srid", "point", ("st_geomfromtext('POINT(10 20)', 4326)",)),
]

MADE = [  # generated, invisible and defaulted columns; the values are of the plain ones
    Column("base", "int not null default 7", ("1", "-5", "2147483646")),
    Column("made_virtual", "bigint generated always as (base + 1) virtual", (), 57),
    Column("made_stored", "bigint generated always as (base * 2) stored", (), 57),
    Column("made_text", "varchar(40) generated always as (concat('b', base)) virtual", (), 57),
    Column("hidden", "int default 3 invisible", ("1", "2"), 80, False),
    Column("hidden_maria", "int invisible default 3", ("1", "2"), 0),
    Column("with_default", "varchar(20) not null default 'it''s'", ("'x'", "default", "'y'")),
    Column("now_default", "timestamp not null default current_timestamp on update current_timestamp",
           ("'2001-01-01 01:01:01'", "'2030-01-01 00:00:00'")),
]

MARIADB = [
    Column("c_uuid", "uuid", ("'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"), 0),
    Column("c_inet6", "inet6", ("'::'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.1'"), 0),
    Column("c_inet4", "inet4", ("'0.0.0.0'", "'255.255.255.255'", "'10.1.2.3'"), 0),
]
VECTORS = [Column("c_vector", "vector(3)", ("string_to_vector('[1,-2.5,3e38]')", "string_to_vector('[0,0,1e-37]')"),
                  97, False)]

GROUPS = {"numbers": NUMBERS, "times": TIMES, "texts": TEXTS, "charsets": CHARSETS, "bytes": BYTES, "members": MEMBERS,
          "json": JSON, "shapes": SHAPES, "made": MADE, "mariadb": MARIADB, "vectors": VECTORS}
MODE = "set session sql_mode = 'NO_ENGINE_SUBSTITUTION'"  # zero dates, ENUM's index 0


def columns_of(group: str, kind: str) -> list[Column]:
    return [column for column in GROUPS[group] if column.known_to(kind)]


def groups(kind: str) -> list[str]:
    return [group for group in GROUPS if columns_of(group, kind)]


def create(group: str, kind: str, schema: str, keyed: bool) -> str:
    """A table of the group; rows of the wide ones need DYNAMIC, which 5.6 has by request alone."""
    body = [f"{column.name} {column.type}" for column in columns_of(group, kind)]
    key = ["id int not null primary key"] if keyed else []
    name = group if keyed else f"{group}_keyless"
    return (f"create table `{schema}`.`{name}` ({', '.join(key + body)})"
            " engine=InnoDB row_format=dynamic character set utf8mb4")


def rows(group: str, kind: str) -> Iterator[dict[str, str]]:
    """Every edge of every column, then a row of NULLs where the columns allow it."""
    filled = [column for column in columns_of(group, kind) if column.values]
    for at in range(max(len(column.values) for column in filled)):
        yield {column.name: column.values[at % len(column.values)] for column in filled}
    yield {column.name: "default" if "not null" in column.type else "null" for column in filled}


def insert_all(server: Server, schema: str, first_id: int) -> int:
    """All rows of all groups into the tables with and without a key; how many ids were taken."""
    used = 0
    with server.connect(schema) as connection, connection.cursor() as cursor:
        cursor.execute(MODE)
        cursor.execute("set time_zone = '+00:00'")
        for group in groups(server.kind):
            for at, row in enumerate(rows(group, server.kind)):
                names, values = ", ".join(row), ", ".join(row.values())
                cursor.execute(f"insert into `{group}` (id, {names}) values ({first_id + at}, {values})")
                cursor.execute(f"insert into `{group}_keyless` ({names}) values ({values})")
                used = max(used, at + 1)
    return used


def change_all(server: Server, schema: str, first_id: int) -> None:
    """Each row takes the values of another edge, by key and without; some go."""
    with server.connect(schema) as connection, connection.cursor() as cursor:
        cursor.execute(MODE)
        cursor.execute("set time_zone = '+00:00'")
        for group in groups(server.kind):
            all_rows = list(rows(group, server.kind))
            for at, row in enumerate(all_rows):
                other = all_rows[(at + 1) % len(all_rows)]
                values = ", ".join(f"{name} = {value}" for name, value in other.items())
                cursor.execute(f"update `{group}` set {values} where id = {first_id + at}")
                if at % 2 == 0:
                    cursor.execute(f"update `{group}_keyless` set {values} limit 1")
                else:
                    cursor.execute(f"delete from `{group}_keyless` limit 1")
            cursor.execute(f"update `{group}` set id = id + 100000 where id = {first_id}")
            cursor.execute(f"delete from `{group}` where id = {first_id + 1}")
