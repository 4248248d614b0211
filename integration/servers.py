#!/usr/bin/env python3
"""Real MySQL, MariaDB and TiDB servers on 127.0.0.1, each in a folder of its own; a library and a command.

    python3 integration/servers.py start mysql57 --name a --gtid off   # prints how to connect
    python3 integration/servers.py list | sql a 'show master status' | kill a | restart a | pause a | resume a | log a
    python3 integration/servers.py stop a                 # stops it and removes its folder; --keep keeps it

Kinds: mysql56 mysql57 mysql80 mysql97 mariadb tidb. Accounts over TCP: root (everything) and repl (REPLICATION SLAVE
and CLIENT), passwords below; over the socket root needs none. TiDB: root without a password, as it comes. As root the
servers run as an unprivileged user where that user can reach the folder.
"""

from __future__ import annotations

import system_python

system_python.ensure()

import argparse
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator, Sequence

import pymysql

import packages
from packages import Missing, say
from waiting import until

RUN = Path(os.environ.get("TIDERELAY_RUN") or packages.HERE / ".run").resolve()
HOST = "127.0.0.1"
ROOT_PASSWORD = "root-secret"
REPL_PASSWORD = "repl-secret"
MYSQL_KINDS = ("mysql56", "mysql57", "mysql80", "mysql97")
KINDS = (*MYSQL_KINDS, "mariadb", "tidb")
START_SECONDS = 120

COMMON_OPTIONS = """
bind-address=127.0.0.1
skip-name-resolve
log-bin=binlog
binlog_format=ROW
binlog_row_image=FULL
max_binlog_size=1G
max_allowed_packet=1G
character-set-server=utf8mb4
innodb_buffer_pool_size=128M
"""
KIND_OPTIONS = {
    "mysql56": ("log_slave_updates=ON", "skip_slave_start", "innodb_log_file_size=64M",
                "explicit_defaults_for_timestamp=1"),
    "mysql57": ("log_slave_updates=ON", "skip_slave_start", "innodb_log_file_size=64M", "log_syslog=0",
                "secure_file_priv=NULL"),
    "mysql80": ("log_replica_updates=ON", "skip_replica_start", "mysqlx=OFF", "secure_file_priv="),
    "mysql97": ("log_replica_updates=ON", "skip_replica_start", "mysqlx=OFF", "secure_file_priv="),
    "mariadb": ("log_slave_updates=ON", "skip_slave_start", "innodb_log_file_size=64M", "gtid_domain_id=0"),
}
FAST_OPTIONS = "innodb_flush_log_at_trx_commit=2\nsync_binlog=0\n"
DURABLE_OPTIONS = "innodb_flush_log_at_trx_commit=1\nsync_binlog=1\n"


def free_port() -> int:
    """A free port outside the range of the kernel's outgoing connections, so that a restart finds it free."""
    for _ in range(200):
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise Missing("no free port between 20000 and 32000")


def _reachable(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def server_user() -> str | None:
    """The account that servers run as: nobody special; None to stay who we are."""
    if os.getuid() != 0:
        return None
    RUN.mkdir(parents=True, exist_ok=True)
    packages.CACHE.mkdir(parents=True, exist_ok=True)
    if not (_reachable(RUN) and _reachable(packages.CACHE)):
        return "root"
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("mysql", "nobody") if name in names), "root")


def process_state(pid: int) -> tuple[str, int]:
    """(state, start time) of a process, ("", 0) when there is none. Both ids together name it for ever: a pid alone is
    used again, and the command line is empty for a moment while a program starts."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0
    return fields[0], int(fields[19])


class StartFailed(Exception):
    """A server that is there does not start; its log is in the text. Never a reason to skip."""


class Server:
    """One instance: files under `home`, started, stopped and asked through this object or a later one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.facts: dict[str, Any] = json.loads((home / "instance.json").read_text())
        self.name = home.name
        self.kind: str = self.facts["kind"]
        self.port: int = self.facts["port"]
        self.host = HOST
        self.user = "root"
        self.password = "" if self.kind == "tidb" else ROOT_PASSWORD

    @classmethod
    def create(
        cls,
        kind: str,
        name: str | None = None,
        port: int | None = None,
        gtid: bool = True,
        durable: bool = False,
        options: Sequence[str] = (),
        run: Path = RUN,
    ) -> "Server":
        """Makes the folder with its configuration; `options` are further lines of my.cnf (they win over ours)."""
        if kind not in KINDS:
            raise Missing(f"no server kind {kind!r}; kinds are {', '.join(KINDS)}")
        packages.FETCHERS[kind]()
        port = port or free_port()
        home = run / (name or f"{kind}-{port}")
        if home.exists():
            raise Missing(f"{home.name} exists already (python3 integration/servers.py list)")
        home.mkdir(parents=True)
        facts = {"kind": kind, "port": port, "gtid": gtid, "durable": durable, "options": list(options), "pid": 0}
        (home / "instance.json").write_text(json.dumps(facts))
        server = cls(home)
        server.prepare()
        return server

    # -- what the kinds differ in; TidbServer has its own ---------------------------------------------------------

    def prepare(self) -> None:
        (self.home / "tmp").mkdir()
        self.write_configuration()
        template = _template(self.kind)
        subprocess.run(["cp", "-a", "--reflink=auto", str(template), str(self.home / "data")], check=True)
        user = server_user()
        if user:
            subprocess.run(["chown", "-R", user, str(self.home)], check=True)

    def write_configuration(self) -> None:
        lines = ["[mysqld]", f"datadir={self.home}/data", f"socket={self.socket_path()}", f"port={self.port}",
                 f"tmpdir={self.home}/tmp", f"pid-file={self.home}/mysqld.pid", f"log-error={self.home}/err.log",
                 f"server-id={self.port}", COMMON_OPTIONS, *KIND_OPTIONS[self.kind]]
        if self.kind in MYSQL_KINDS:
            on = "ON" if self.facts["gtid"] else "OFF"
            lines += [f"gtid_mode={on}", f"enforce_gtid_consistency={on}"]
        lines.append(DURABLE_OPTIONS if self.facts["durable"] else FAST_OPTIONS)
        if server_user() == "root":
            lines.append("user=root")
        (self.home / "my.cnf").write_text("\n".join([*lines, *self.facts["options"], ""]))

    def command(self) -> tuple[list[str], dict[str, str]]:
        package = packages.FETCHERS[self.kind]()
        assert isinstance(package, packages.ServerPackage)
        words = package.program.command(f"--defaults-file={self.home}/my.cnf", *package.path_options)
        return words, package.program.env()

    def error_log(self) -> Path:
        return self.home / "err.log"

    def socket_path(self) -> str:
        """In the folder, or in /tmp when that would be longer than a socket's name may be."""
        path = str(self.home / "sock")
        return path if len(path) < 100 else f"/tmp/tiderelay-{os.getuid()}-{self.port}.sock"

    def connect(self, database: str | None = None, **more: Any) -> "pymysql.connections.Connection[Any]":
        """A connection as root with autocommit, over the socket (no password, no TLS questions)."""
        more = {"charset": "utf8mb4", "autocommit": True, **more}
        return pymysql.connect(unix_socket=self.socket_path(), user="root", database=database, **more)

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> "Server":
        if self.alive():
            return self
        words, environment = self.command()
        user = server_user()
        for leftover in (self.socket_path(), self.socket_path() + ".lock"):
            Path(leftover).unlink(missing_ok=True)  # after kill -9 it may name a process that nobody has reaped
        with open(self.home / "out.log", "ab") as out:
            process = subprocess.Popen(
                words, env=environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, user=user if user != "root" else None,
                group=pwd.getpwnam(user).pw_gid if user and user != "root" else None,
                extra_groups=[] if user and user != "root" else None)
        self._note_process(process.pid)
        self.wait_ready()
        return self

    def _note_process(self, pid: int) -> None:
        self.facts["pid"], self.facts["start_time"] = pid, process_state(pid)[1]
        (self.home / "instance.json").write_text(json.dumps(self.facts))

    def pid(self) -> int:
        return int(self.facts["pid"])

    def alive(self) -> bool:
        if self.pid() <= 0:
            return False
        try:
            os.waitpid(self.pid(), os.WNOHANG)  # reaps it if it was ours and has ended
        except ChildProcessError:
            pass
        state, start_time = process_state(self.pid())
        return state not in ("", "Z", "X") and start_time == self.facts["start_time"]

    def wait_ready(self) -> None:
        def look() -> tuple[bool, str]:
            if not self.alive():
                raise StartFailed(f"{self.kind} {self.name} ended during its start:\n{self.log_tail()}")
            try:
                self.connect(connect_timeout=5).close()
            except (pymysql.Error, OSError) as problem:
                return False, str(problem)
            return True, "ready"

        try:
            until(f"start of {self.kind} {self.name}", look, START_SECONDS)
        except AssertionError as late:
            raise StartFailed(f"{late}\n{self.log_tail()}") from None

    def log_tail(self, lines: int = 20) -> str:
        """The error lines, which the notes of a shutdown push far up, then the end."""
        text = ""
        for file in (self.home / "out.log", self.error_log()):
            if file.exists():
                all_lines = file.read_text(errors="replace").splitlines()
                errors = [line for line in all_lines[:-lines] if re.search(r"\[(ERROR|FATAL)\]", line)]
                text += "".join(f"{line}\n" for line in errors[-10:] + all_lines[-lines:])
        return text

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid(), number)

    def stop(self, seconds: float = 60) -> None:
        """In order (SIGTERM); its folder stays, so that start() goes on where it was."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        until(f"end of {self.kind} {self.name}", lambda: (not self.alive(), "still running"), seconds)

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        until(f"end of {self.kind} {self.name}", lambda: (not self.alive(), "still running"), 30)

    def restart(self) -> "Server":
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        Path(self.socket_path()).unlink(missing_ok=True)

    # -- talk -----------------------------------------------------------------------------------------------------

    def query(self, sql: str, arguments: Sequence[Any] | None = None, database: str | None = None) -> list[Any]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def execute(self, *statements: str, database: str | None = None) -> None:
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def description(self) -> str:
        state = "running" if self.alive() else "stopped"
        return (f"{self.name}: {self.kind} {state}, {self.host}:{self.port}, user root, password "
                f"{self.password or '(none)'}, socket {self.socket_path()}, folder {self.home}")


class TidbServer(Server):
    """tidb-server on its embedded store; the store survives an orderly restart."""

    def prepare(self) -> None:
        (self.home / "tmp").mkdir()
        if any("bootstrap" in option for option in self.facts["options"]):  # what the first start alone decides
            (self.home / "data").mkdir()
        else:
            subprocess.run(["cp", "-a", "--sparse=always", str(_tidb_template()), str(self.home / "data")], check=True)
        self.facts["status_port"] = free_port()
        self._note_process(0)
        self.write_configuration()
        user = server_user()
        if user:
            subprocess.run(["chown", "-R", user, str(self.home)], check=True)

    def write_configuration(self) -> None:
        lines = ['[log]', 'level = "warn"', "[performance]", "txn-total-size-limit = 1073741824"]
        (self.home / "tidb.toml").write_text("\n".join([*lines, *self.facts["options"], ""]))

    def command(self) -> tuple[list[str], dict[str, str]]:
        program = packages.tidb()
        home = self.home
        return program.command(
            "-store", "unistore", "-path", f"{home}/data", "-host", HOST, "-advertise-address", HOST,
            "-P", str(self.port), "-status-host", HOST, "-status", str(self.facts["status_port"]),
            "-socket", self.socket_path(), "-temp-dir", f"{home}/tmp", "-log-file", f"{home}/tidb.log",
            "-config", f"{home}/tidb.toml"), program.env()

    def error_log(self) -> Path:
        return self.home / "tidb.log"


class RunningTidb(Server):
    """The TiDB at $TIDB_ADDR: asked, never started or stopped."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.home = RUN / "tidb-addr"
        self.facts = {"kind": "tidb", "port": int(port), "pid": 0}
        self.name, self.kind, self.host, self.port = "tidb-addr", "tidb", host or HOST, int(port)
        self.user = os.environ.get("TIDB_USER", "root")
        self.password = os.environ.get("TIDB_PASSWORD", "")

    def connect(self, database: str | None = None, **more: Any) -> "pymysql.connections.Connection[Any]":
        more = {"charset": "utf8mb4", "autocommit": True, **more}
        return pymysql.connect(host=self.host, port=self.port, user=self.user, password=self.password,
                               database=database, **more)

    def start(self) -> Server:
        self.connect(connect_timeout=10).close()
        return self

    def remove(self) -> None:
        pass


def create(kind: str, **how: Any) -> Server:
    """A new server of `kind`, not started; arguments as Server.create. Raises Missing when there is none."""
    if kind == "tidb":
        address = os.environ.get("TIDB_ADDR")
        return RunningTidb(address) if address else TidbServer.create(kind, **how)
    return Server.create(kind, **how)


def opened(home: Path) -> Server:
    kind = json.loads((home / "instance.json").read_text())["kind"]
    return TidbServer(home) if kind == "tidb" else Server(home)


def all_servers() -> Iterator[Server]:
    for file in sorted(RUN.glob("**/instance.json")):
        yield opened(file.parent)


# -- data folders, initialised once per kind and copied -----------------------------------------------------------


def _template(kind: str) -> Path:
    """A data folder with the accounts made, without an identity of its own."""

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="tiderelay-init-") as scratch:
            home = Path(scratch) / "init"
            home.mkdir()
            os.chmod(scratch, 0o755)
            facts = {"kind": kind, "port": free_port(), "gtid": True, "durable": False, "options": [], "pid": 0}
            (home / "instance.json").write_text(json.dumps(facts))
            server = Server(home)
            (home / "tmp").mkdir()
            server.write_configuration()
            _initialise(server)
            server.start()
            try:
                _make_accounts(server)
            finally:
                server.stop()
            for file in home.glob("data/binlog.*"):
                file.unlink()
            for name in ("auto.cnf", "binlog.state"):
                (home / "data" / name).unlink(missing_ok=True)
            subprocess.run(["cp", "-a", f"{home}/data/.", str(folder)], check=True)

    return packages.once(f"data-{kind}", build)


def _tidb_template() -> Path:
    """A store that has been through its first start, which takes longer than most scenarios."""

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="tiderelay-init-") as scratch:
            home = Path(scratch) / "init"
            (home / "data").mkdir(parents=True)
            (home / "tmp").mkdir()
            os.chmod(scratch, 0o755)
            facts = {"kind": "tidb", "port": free_port(), "status_port": free_port(), "options": [], "pid": 0}
            (home / "instance.json").write_text(json.dumps(facts))
            server = TidbServer(home)
            server.write_configuration()
            user = server_user()
            if user:
                subprocess.run(["chown", "-R", user, str(home)], check=True)
            server.start()
            server.stop()
            subprocess.run(["cp", "-a", f"{home}/data/.", str(folder)], check=True)

    program = Path(packages.tidb().words[0]).stat()
    return packages.once(f"data-tidb-{program.st_size}-{int(program.st_mtime)}", build)


def _initialise(server: Server) -> None:
    package = packages.FETCHERS[server.kind]()
    assert isinstance(package, packages.ServerPackage)
    data, user = server.home / "data", server_user()
    if server.kind == "mysql56":
        shutil.copytree(package.root / "data/mysql", data)
        for file in [data / "auto.cnf", *data.glob("ib_logfile*")]:
            file.unlink(missing_ok=True)
        subprocess.run(["chmod", "-R", "u+rwX", str(data)], check=True)
    if user:
        subprocess.run(["chown", "-R", user, str(server.home)], check=True)
    if server.kind == "mysql56":
        return
    if server.kind == "mariadb":
        words = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--force",
                 "--auth-root-authentication-method=normal", f"--tmpdir={server.home}/tmp"]
        environment = dict(os.environ)
    else:
        words, environment = server.command()
        words.append("--initialize-insecure")
    if user == "root":
        words.append("--user=root")
    done = subprocess.run(words, env=environment, cwd=server.home, user=user if user != "root" else None,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise StartFailed(f"{server.kind} cannot be initialised: {done.stdout}{done.stderr}{server.log_tail()}")


def _make_accounts(server: Server) -> None:
    everything, replication = "ALL PRIVILEGES ON *.*", "REPLICATION SLAVE, REPLICATION CLIENT ON *.*"
    statements = ["SET sql_log_bin=0"]
    if server.kind == "mysql56":
        statements += ["DELETE FROM mysql.user WHERE user=''", "FLUSH PRIVILEGES"]
    for host in ("%", HOST):
        for user, password, rights in (("root", ROOT_PASSWORD, everything), ("repl", REPL_PASSWORD, replication)):
            if server.kind == "mysql56":
                statements.append(f"GRANT {rights} TO '{user}'@'{host}' IDENTIFIED BY '{password}' WITH GRANT OPTION")
                continue
            statements.append(f"CREATE USER IF NOT EXISTS '{user}'@'{host}' IDENTIFIED BY '{password}'")
            if server.kind == "mariadb":
                statements.append(f"ALTER USER '{user}'@'{host}' IDENTIFIED BY '{password}'")
            statements.append(f"GRANT {rights} TO '{user}'@'{host}' WITH GRANT OPTION")
    server.execute(*statements)


# -- the command -------------------------------------------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="a new server, or a stopped one by its name")
    start.add_argument("kind", help=f"{' '.join(KINDS)}, or the name of a stopped server")
    start.add_argument("--name")
    start.add_argument("--port", type=int)
    start.add_argument("--gtid", choices=("on", "off"), default="on")
    start.add_argument("--durable", action="store_true", help="sync_binlog=1, innodb_flush_log_at_trx_commit=1")
    start.add_argument("--option", action="append", default=[], help="a line for my.cnf (tidb.toml); may be repeated")
    stop = commands.add_parser("stop", help="stops it and removes its folder")
    stop.add_argument("name", nargs="?")
    stop.add_argument("--all", action="store_true", help="every server of this checkout")
    stop.add_argument("--keep", action="store_true", help="keeps the folder: `start NAME` goes on with it")
    for name, text in (("kill", "kill -9"), ("restart", "an orderly restart"), ("pause", "SIGSTOP"),
                       ("resume", "SIGCONT"), ("log", "the end of the error log")):
        commands.add_parser(name, help=text).add_argument("name")
    sql = commands.add_parser("sql", help="runs statements as root and prints the rows")
    sql.add_argument("name")
    sql.add_argument("statement", nargs="+")
    commands.add_parser("list", help="every server of this checkout")
    fetch = commands.add_parser("fetch", help="fetches packages and makes data folders without starting anything")
    fetch.add_argument("kind", nargs="*", default=list(KINDS))
    client = commands.add_parser("client", help="runs a client tool of MySQL 9.7: client mysqlbinlog ARGUMENT...")
    client.add_argument("words", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _named(name: str | None) -> Server:
    for server in all_servers():
        if server.name == name:
            return server
    raise Missing(f"no server {name!r}; there are: {', '.join(s.name for s in all_servers()) or 'none'}")


def _start(arguments: argparse.Namespace) -> None:
    if arguments.kind in KINDS:
        server = create(arguments.kind, name=arguments.name, port=arguments.port, gtid=arguments.gtid == "on",
                        durable=arguments.durable, options=arguments.option)
    else:
        server = _named(arguments.kind)
    print(server.start().description())


def _stop(arguments: argparse.Namespace) -> None:
    for server in list(all_servers()) if arguments.all else [_named(arguments.name)]:
        server.stop()
        if not arguments.keep:
            server.remove()


def _main() -> None:
    arguments = _arguments()
    if arguments.command == "start":
        _start(arguments)
    elif arguments.command == "stop":
        _stop(arguments)
    elif arguments.command == "list":
        for server in all_servers():
            print(server.description())
    elif arguments.command == "fetch":
        for kind in arguments.kind:
            try:
                packages.FETCHERS[kind]()
                if kind != "tidb":
                    _template(kind)
                say(f"{kind}: ready")
            except (Missing, StartFailed) as missing:
                say(f"{kind}: MISSING: {missing}")
    elif arguments.command == "client":
        program = packages.mysql_client(arguments.words[0])
        os.execvpe(program.words[0], program.command(*arguments.words[1:]), program.env())
    elif arguments.command == "sql":
        for row in [row for sql in arguments.statement for row in _named(arguments.name).query(sql)]:
            print("\t".join("NULL" if value is None else str(value) for value in row))
    elif arguments.command == "log":
        print(_named(arguments.name).log_tail())
    else:
        getattr(_named(arguments.name), arguments.command)()


if __name__ == "__main__":
    try:
        _main()
    except (Missing, StartFailed) as problem:
        sys.exit(str(problem))
