"""Who replicates from the relay log: real replicas of every version, mysqlbinlog, mariadb-binlog, tiderelay itself."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path

import compare
import harness
import pymysql
import servers
import workload
from followers import PASSWORD, USER, Replica, Sidecar, binlog_tool, caught_up, run_binlog_tool, source_document
from scenario import LONG, MoverScenario, only_long
from servers import Server
from test_relay import first_difference
from waiting import until

ROUND = 60 if LONG else 25


class FollowerScenario(MoverScenario):
    def beside(self, kind: str, **how: object) -> tuple[Server, Sidecar]:
        """A source and a running sidecar that has received all of it."""
        source = self.server(kind, **how)
        workload.create_tables(source)
        sidecar = self.sidecar([source_document(source)])
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        return source, sidecar

    def sidecar(self, sources: list[dict[str, object]], name: str = "sidecar", **more: object) -> Sidecar:
        sidecar = Sidecar(self.folder, sources, name, **more)
        self.addCleanup(sidecar.end)
        return sidecar.start()

    def equal(self, source: Server, replica: Replica) -> None:
        try:
            compare.until_equal([source], replica.server, workload.SCHEMA, list(workload.TABLES), 90)
        except AssertionError as different:
            raise AssertionError(f"{different}\nreplica: {replica.runs()[1]}") from None


class Replicas(FollowerScenario):
    def check(self, source_kind: str, replica_kind: str, *, gtid: bool) -> None:
        """Follows, is stopped and started, outlives a kill -9 of the relay, moves to the source and back."""
        how = {} if source_kind == "mariadb" else {"gtid": gtid}
        source, sidecar = self.beside(source_kind, **how)
        replica = Replica(self.server(replica_kind, **how))
        first = source.query("show binary logs")[0][0]
        writer = workload.Writer(source, seed=11)
        writer.write(ROUND)
        replica.follow(sidecar, gtid=gtid, file=first)
        replica.start()
        self.equal(source, replica)
        until("both threads run", replica.runs, 30)

        replica.stop()
        writer.write(ROUND)
        replica.start()
        self.equal(source, replica)

        writer = workload.Writer(source, seed=12)
        writer.start()
        until("some writes", lambda: (writer.transactions > ROUND, writer.transactions), 60)
        sidecar.kill()
        sidecar.start()
        source.execute("flush logs")
        until("more writes", lambda: (writer.transactions > 2 * ROUND, writer.transactions), 60)
        writer.stop()
        self.equal(source, replica)
        until("both threads run again", replica.runs, 60)

        self.move(source, replica, gtid)
        workload.Writer(source, seed=13).write(ROUND)
        self.equal(source, replica)
        self.move_back(sidecar, replica, gtid)
        workload.Writer(source, seed=14).write(ROUND)
        self.equal(source, replica)
        sidecar.stop()

    @staticmethod
    def place(replica: Replica) -> tuple[str, int]:
        """Up to where the replica has executed: names and positions of the source and the relay are the same."""
        status = replica.status()
        source = "Source" if replica.new_words else "Master"
        return status[f"Relay_{source}_Log_File"], int(status[f"Exec_{source}_Log_Pos"])

    def move(self, source: Server, replica: Replica, gtid: bool) -> None:
        replica.stop()
        file, position = self.place(replica)
        replica.follow_source(source, gtid=gtid, file=file, position=position)
        replica.start()

    def move_back(self, sidecar: Sidecar, replica: Replica, gtid: bool) -> None:
        replica.stop()
        file, position = self.place(replica)
        replica.follow(sidecar, gtid=gtid, file=file, position=position)
        replica.start()

    def test_mysql_5_7_of_5_7_by_gtid(self) -> None:
        self.check("mysql57", "mysql57", gtid=True)

    def test_mysql_8_0_of_8_0_by_gtid(self) -> None:
        self.check("mysql80", "mysql80", gtid=True)

    def test_mariadb_of_mariadb_by_gtid(self) -> None:
        self.check("mariadb", "mariadb", gtid=True)

    @only_long
    def test_mysql_5_7_of_5_7_by_position(self) -> None:
        self.check("mysql57", "mysql57", gtid=False)

    @only_long
    def test_mysql_8_0_of_8_0_by_position(self) -> None:
        self.check("mysql80", "mysql80", gtid=False)

    @only_long
    def test_mysql_8_0_of_5_7_by_gtid(self) -> None:
        self.check("mysql57", "mysql80", gtid=True)

    @only_long
    def test_mysql_9_7_of_9_7_by_gtid(self) -> None:
        self.check("mysql97", "mysql97", gtid=True)

    @only_long
    def test_mysql_9_7_of_9_7_by_position(self) -> None:
        self.check("mysql97", "mysql97", gtid=False)

    @only_long
    def test_mysql_9_7_of_8_0_by_gtid(self) -> None:
        self.check("mysql80", "mysql97", gtid=True)

    @only_long
    def test_mysql_5_6_of_5_6_by_gtid(self) -> None:
        self.check("mysql56", "mysql56", gtid=True)

    @only_long
    def test_mysql_5_6_of_5_6_by_position(self) -> None:
        self.check("mysql56", "mysql56", gtid=False)

    @only_long
    def test_mariadb_of_mariadb_by_position(self) -> None:
        self.check("mariadb", "mariadb", gtid=False)


class Tools(FollowerScenario):
    def filled(self, kind: str) -> tuple[Server, Sidecar]:
        source, sidecar = self.beside(kind)
        for seed in (21, 22, 23):
            workload.Writer(source, seed=seed, large_every=10).write(ROUND)
            source.execute("flush logs")
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        return source, sidecar

    def check_raw(self, kind: str, tool: str) -> None:
        """`--raw` of all files is what the source itself has; the relay's own files are, too."""
        source, sidecar = self.filled(kind)
        files = harness.upstream_files(source)
        closed, copies = files[:-1], self.folder / "copies"
        copies.mkdir()
        done = run_binlog_tool(tool, sidecar, copies, "--raw", "--to-last-log", files[0].name)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(file.name for file in copies.iterdir()), [file.name for file in files])
        for file in closed:
            self.assertEqual(first_difference(copies / file.name, file), "")
        for ours in harness.relay_files(sidecar.data, "s1")[:-1]:
            theirs = next(file for file in files if file.name == ours.name)
            self.assertEqual(first_difference(ours, theirs), "")
        self.listing(source, sidecar, closed[0].name)

    def listing(self, source: Server, sidecar: Sidecar, name: str) -> None:
        """SHOW BINARY LOGS and the head of SHOW BINLOG EVENTS are the source's own."""
        def same_files() -> tuple[bool, object]:
            here, there = (tuple(row[:2] for row in asked.query("show binary logs")) for asked in (sidecar, source))
            return here == there, (here, there)

        until("the same files", same_files, 30)  # MariaDB adds a checkpoint to its last file a while later
        statement = f"show binlog events in '{name}' limit 40"
        self.assertEqual([row[:5] for row in sidecar.query(statement)], [row[:5] for row in source.query(statement)])

    def test_mysqlbinlog_raw_of_mysql_5_7(self) -> None:
        self.check_raw("mysql57", "mysql97")

    @only_long
    def test_mysqlbinlog_raw_of_mysql_8_0(self) -> None:
        self.check_raw("mysql80", "mysql97")

    @only_long
    def test_mysqlbinlog_raw_of_mysql_9_7(self) -> None:
        self.check_raw("mysql97", "mysql97")

    def test_mariadb_binlog_raw_of_mariadb(self) -> None:
        self.check_raw("mariadb", "mariadb")

    def test_mysqlbinlog_by_gtid_leaves_out_what_is_excluded(self) -> None:
        source, sidecar = self.filled("mysql80")
        uuid = source.query("select @@server_uuid")[0][0]
        first = source.query("show binary logs")[0][0]
        done = run_binlog_tool("mysql97", sidecar, self.folder, "--read-from-remote-source=BINLOG-DUMP-GTIDS",
                               f"--exclude-gtids={uuid}:1-40", "--base64-output=decode-rows", "--to-last-log", first)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(f"GTID_NEXT= '{uuid}:40'", done.stdout)
        self.assertIn(f"GTID_NEXT= '{uuid}:41'", done.stdout)

    def test_mysqlbinlog_follows_until_it_is_ended(self) -> None:
        source, sidecar = self.filled("mysql57")
        last = harness.upstream_files(source)[-1]
        program = binlog_tool("mysql97")
        command = program.command("--no-defaults", "-R", f"--host={sidecar.host}", f"--port={sidecar.port}",
                                  f"--user={USER}", f"--password={PASSWORD}", "--raw", "--stop-never", last.name)
        process = subprocess.Popen(command, env=program.env(), cwd=self.folder)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        workload.Writer(source, seed=31).write(ROUND)
        source.execute("flush logs")
        copy = self.folder / last.name
        until("the copy equals the source's file",
              lambda: (copy.exists() and not (difference := first_difference(copy, last)), difference
                       if copy.exists() else "no file"), 60)
        self.assertIsNone(process.poll(), "mysqlbinlog --stop-never ended by itself")


class Relays(FollowerScenario):
    def check_chain(self, kind: str) -> None:
        """Three relays behind each other hold the source's bytes, over kill -9 of each."""
        source, first = self.beside(kind)
        chain = [first]
        for number in (2, 3):
            above = chain[-1]
            document = harness.source_document("s1", source, from_host=above.host, from_port=above.port,
                                               from_user=USER, from_password=PASSWORD,
                                               relay_binlog_name=source.query("show binary logs")[0][0])
            chain.append(self.sidecar([document], f"relay{number}"))
        writer = workload.Writer(source, seed=41)
        writer.start()
        for relay in chain:
            before = writer.transactions
            until("some writes", lambda: (writer.transactions > before + ROUND, writer.transactions), 60)
            relay.kill()
            source.execute("flush logs")
            relay.start()
        writer.stop()
        source.execute("flush logs")
        for relay in chain:
            until("the relay has all", lambda: caught_up(source, relay), 90)
            files = harness.relay_files(relay.data, "s1")
            theirs = {file.name: file for file in harness.upstream_files(source)}
            self.assertGreaterEqual(len(files), 4)
            for ours in files[:-1]:
                self.assertEqual(first_difference(ours, theirs[ours.name]), "", relay.folder.name)

    def test_a_chain_of_three_is_byte_identical(self) -> None:
        self.check_chain("mysql57")

    @only_long
    def test_a_chain_of_three_is_byte_identical_mariadb(self) -> None:
        self.check_chain("mariadb")

    @only_long
    def test_a_chain_of_three_is_byte_identical_mysql_9_7(self) -> None:
        self.check_chain("mysql97")


class Refusals(FollowerScenario):
    def refused(self, sidecar: Sidecar, user: str, password: str = PASSWORD, **more: object) -> str:
        try:
            sidecar.connect(user, password, **more).close()
        except pymysql.Error as refused:
            return str(refused)
        self.fail(f"{user} was let in")

    def test_accounts_networks_sources_and_statements(self) -> None:
        sources = [self.server("mysql57"), self.server("mysql57")]
        documents = [source_document(server, f"s{at}") for at, server in enumerate(sources, 1)]
        own = servers.free_port()
        sidecar = Sidecar(self.folder, documents)
        users = [{"name": USER, "password": PASSWORD},
                 {"name": "one", "password": PASSWORD, "sources": ["s2"]},
                 {"name": "far", "password": PASSWORD, "networks": ["10.0.0.0/8"]},
                 {"name": "safe", "password": PASSWORD, "sources": ["s1"], "require-tls": True}]
        harness.write_yaml(sidecar.config, {
            "data-dir": str(sidecar.data), "sources": documents, "api": {"listen": f"127.0.0.1:{sidecar.api_port}"},
            "relay-server": {"listen": f"127.0.0.1:{sidecar.port}", "users": users,
                             "ports": [{"source-id": "s1", "listen": f"127.0.0.1:{own}"}]}})
        self.addCleanup(sidecar.end)
        sidecar.start()
        for at, source in enumerate(sources, 1):
            until("reached", lambda: sidecar.reached(f"{USER}@s{at}"), 60)
            self.assertEqual(sidecar.query("select @@server_uuid", f"{USER}@s{at}"),
                             list(source.query("select @@server_uuid")))
        uuids = [source.query("select @@server_uuid")[0][0] for source in sources]
        self.assertEqual(sidecar.query("select @@server_uuid", "one")[0][0], uuids[1])
        self.assertIn("(1045", self.refused(sidecar, USER, "wrong"))
        self.assertIn("(1045", self.refused(sidecar, "nobody"))
        self.assertIn("(1045", self.refused(sidecar, "far"))
        self.assertIn("several sources", self.refused(sidecar, USER))
        self.assertIn("(1044", self.refused(sidecar, "one@s1"))
        self.assertIn("(3159", self.refused(sidecar, "safe", ssl_disabled=True))
        self.assertEqual(sidecar.query("select @@server_uuid", "safe", ssl={"check_hostname": False})[0][0], uuids[0])
        sidecar.port = own
        self.assertEqual(sidecar.query("select @@server_uuid")[0][0], uuids[0])
        with sidecar.connect() as connection, connection.cursor() as cursor:
            for code, statement in ((1064, "nonsense"), (1193, "select @@nonsense"), (1290, "drop table t"),
                                    (1142, "select * from t"), (1305, "select nonsense()")):
                with self.assertRaises(pymysql.Error) as raised:
                    cursor.execute(statement)
                self.assertEqual(raised.exception.args[0], code, statement)
            cursor.execute("select 1")  # the connection lives on
            self.assertEqual(cursor.fetchall(), (("1",),))

    def test_a_replica_that_lacks_what_was_purged_is_told_so(self) -> None:
        source = self.server("mysql57")
        workload.create_tables(source)
        workload.Writer(source, seed=51).write(ROUND)
        source.execute("flush logs")
        sidecar = self.sidecar([harness.source_document("s1", source)])  # from the file of the moment on
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        replica = Replica(self.server("mysql57"))
        replica.follow(sidecar, gtid=True)
        replica.start()
        until("error 1236", lambda: ("purged required binary logs" in replica.io_error(), replica.io_error()), 60)
        replica.stop()
        replica.follow(sidecar, gtid=False, file="binlog.000777", position=4)
        replica.start()
        until("error 1236", lambda: ("Could not find first log file" in replica.io_error(), replica.io_error()), 60)


class Hostile(FollowerScenario):
    """Clients that do not mean well: nobody else notices them."""

    IDLE = 1500

    def test_idle_connections_and_garbage_hold_up_nobody(self) -> None:
        source, sidecar = self.beside("mysql57")
        assert sidecar.process
        idle: list[socket.socket] = []
        self.addCleanup(lambda: [one.close() for one in idle])
        before = self.resident(sidecar)
        for _ in range(self.IDLE):  # more than may log in at once: the oldest ones go
            idle.append(socket.create_connection((sidecar.host, sidecar.port), timeout=20))
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\x01" + b"x" * 100_000, b"\0" * 64,
                        b"\x20\0\0\x01" + b"\xff" * 32, b"\x16\x03\x01\x02\0\x01"):
            with socket.create_connection((sidecar.host, sidecar.port), timeout=20) as one:
                one.recv(4)
                try:
                    one.sendall(garbage)
                except OSError:
                    pass  # it hung up before it had all
        workload.Writer(source, seed=71).write(ROUND)
        until("a follower is served meanwhile", lambda: caught_up(source, sidecar), 30)
        self.assertLess(self.resident(sidecar) - before, 200 << 20, "memory of clients that have not logged in")
        until("they are cut after 10 s", lambda: (self.all_closed(idle), "still open"), 60)
        sidecar.stop()

    @staticmethod
    def resident(sidecar: Sidecar) -> int:
        assert sidecar.process
        text = Path(f"/proc/{sidecar.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS"))

    @staticmethod
    def all_closed(sockets: list[socket.socket]) -> bool:
        for one in sockets:
            one.setblocking(False)
            try:
                while one.recv(4096):
                    pass
            except BlockingIOError:
                return False
            except OSError:
                pass  # reset: closed as well
        return True

    def test_a_follower_that_reads_nothing_holds_up_nobody(self) -> None:
        source, sidecar = self.beside("mysql57")
        slow = sidecar.connect()
        self.addCleanup(slow.close)
        with slow.cursor() as cursor:
            cursor.execute("set @master_binlog_checksum = 'NONE'")
        slow._execute_command(0x12, struct.pack("<IHI", 4, 0, 4242) + source.query("show binary logs")[0][0].encode())
        for seed in range(80, 84):  # more than its socket buffers take
            workload.Writer(source, seed=seed, large_every=2).write(ROUND)
        until("the relay has all", lambda: caught_up(source, sidecar), 60)
        first = source.query("show binary logs")[0][0]
        done = run_binlog_tool("mysql97", sidecar, self.folder, "--raw", first)
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = sidecar.query("show processlist")
        self.assertIn("Binlog Dump", [row[4] for row in listed])
