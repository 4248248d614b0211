"""`tiderelay dump`: files that the mysql client loads, and a position that they are of."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import harness
from scenario import MoverScenario, only_long
from servers import Server

SCHEMA = "shop"
STATEMENTS = [
    "create database shop",
    "create table shop.plain (id int primary key, name varchar(60), b varbinary(20), f float, j JSON_TYPE,"
    " at timestamp null, bits bit(5), e enum('a','b')) default charset latin1",
    "create table shop.`odd.name-x` (a int, b text) default charset utf8mb4",
    "create table shop.nothing (id int primary key)",
    "insert into shop.plain values (1, 'é ''quoted'' \\\\ \\n', x'00ff5c27', 0.1, '{\"a\": \"b\\\\\\\\c\"}',"
    " '2024-02-29 12:00:00', b'101', 'b'), (2, null, null, null, null, null, null, null),"
    " (0, '', '', -1e30, '[]', null, 0, 'a')",
    "insert into shop.`odd.name-x` values (1, '測試 🙂'), (1, '測試 🙂'), (null, null)",
]


class Dump(MoverScenario):
    def dumped(self, source: Server, *more: str) -> Path:
        file = harness.write_yaml(self.folder / "source.yaml", harness.source_document("s1", source))
        done = subprocess.run([harness.BINARY, "dump", "--source", file, "--output", self.folder / "dump", *more],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / "dump"

    def load(self, folder: Path, target: Server) -> None:
        """As docs/dump.md says it."""
        document = (harness.TOP / "docs/dump.md").read_text()
        commands = [line.strip() for line in document.splitlines() if line.startswith(("    cat ", "    for "))]
        self.assertEqual(len(commands), 3, commands)
        login = f"-h {target.host} -P {target.port} -u {target.user} --protocol=tcp"
        if target.password:
            login += f" -p'{target.password}'"
        script = "\n".join(commands).replace("-h target -u root", login)
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""), script)

    def position(self, folder: Path) -> tuple[str, int, str]:
        text = (folder / "metadata").read_text()
        found = re.search(r"SHOW MASTER STATUS:\n\tLog: (\S+)\n\tPos: (\d+)\n\tGTID:(\S*)\n", text)
        self.assertIsNotNone(found, text)
        assert found
        return found[1], int(found[2]), found[3]

    def rows(self, server: Server) -> dict[str, list[tuple[object, ...]]]:
        queries = {"plain": f"select id, hex(convert(name using utf8mb4)), hex(b), f, cast(j as char),"
                            f" unix_timestamp(at), bits + 0, e from {SCHEMA}.plain order by id",
                   "odd": f"select a, hex(b) from {SCHEMA}.`odd.name-x` order by 1, 2",
                   "nothing": f"select * from {SCHEMA}.nothing"}
        return {name: server.query(query) for name, query in queries.items()}

    def there_and_back(self, source_kind: str, target_kind: str, json_type: str) -> None:
        source = self.server(source_kind, gtid=True) if source_kind != "mariadb" else self.server(source_kind)
        source.execute(*[text.replace("JSON_TYPE", json_type) for text in STATEMENTS])
        folder = self.dumped(source)
        status = source.query("show master status")[0]
        file, offset, gtids = self.position(folder)
        self.assertEqual((file, offset), (status[0], int(status[1])))
        self.assertTrue(gtids)
        self.assertTrue((folder / f"{SCHEMA}.odd%2Ename-x.000000000.sql").exists(), list(folder.iterdir()))
        target = self.target_server(target_kind, [SCHEMA])
        self.load(folder, target)
        self.assertEqual(self.rows(target), self.rows(source))
        task = harness.task_document("rest", target, ["s1"], [SCHEMA], {"task-mode": "incremental"})
        task["mysql-instances"][0]["meta"] = {"binlog-name": file, "binlog-pos": offset}
        source.execute(f"insert into {SCHEMA}.nothing values (7)", f"delete from {SCHEMA}.plain where id = 2")
        mover = harness.Mover(self.folder, {"s1": harness.source_document("s1", source)}, task)
        self.addCleanup(mover.end)
        mover.sync()
        self.assertEqual(self.rows(target), self.rows(source))

    def test_files_load_into_tidb_and_are_followed_from_their_position(self) -> None:
        self.there_and_back("mysql57", "tidb", "json")

    @only_long
    def test_files_of_mysql_80_load_into_mysql(self) -> None:
        self.there_and_back("mysql80", "mysql80", "json")

    @only_long
    def test_files_of_mariadb_load_into_mysql(self) -> None:
        self.there_and_back("mariadb", "mysql80", "longtext")

    @only_long
    def test_a_folder_with_files_is_refused(self) -> None:
        source = self.server("mysql57", gtid=True)
        source.execute(f"create database {SCHEMA}", f"create table {SCHEMA}.t (id int primary key)")
        self.dumped(source)
        file = self.folder / "source.yaml"
        done = subprocess.run([harness.BINARY, "dump", "--source", file, "--output", self.folder / "dump"],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("is not empty", done.stderr)
