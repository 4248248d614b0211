"""The .deb: made of the build under test, installed on a fresh root, upgraded, removed; state stays where it should."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import harness
import servers
from scenario import Scenario

IN_ROOT = """
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
dpkg -i /tmp/first.deb
tiderelay version
test "$(stat -c %U:%G:%a /var/lib/tiderelay)" = tiderelay:tiderelay:750
test "$(stat -c %U:%G:%a /etc/tiderelay)" = root:tiderelay:750
test -f /usr/share/man/man1/tiderelay.1 -a -f /lib/systemd/system/tiderelay.service -a -f /etc/logrotate.d/tiderelay
bash -c 'source /usr/share/bash-completion/completions/tiderelay; complete -p tiderelay'
systemd-analyze verify /lib/systemd/system/tiderelay.service
serve() {
  setpriv --reuid tiderelay --regid tiderelay --clear-groups \\
    tiderelay serve --config /etc/tiderelay/tiderelay.yaml --listen 127.0.0.1:PORT 2>/tmp/log & server=$!
  for i in $(seq 200); do
    tiderelay ctl --addr 127.0.0.1:PORT list-member >/tmp/answer 2>&1 && break
    kill -0 $server || { cat /tmp/log; exit 1; }
    read -rt 0.1 <> <(:) || :
  done
  grep -q tiderelay /tmp/answer
  kill $server; wait $server
}
serve
echo '# mine' >> /etc/tiderelay/tiderelay.yaml
touch /var/lib/tiderelay/kept
dpkg -i /tmp/second.deb
grep -q '# mine' /etc/tiderelay/tiderelay.yaml
test -e /var/lib/tiderelay/kept
serve
dpkg -r tiderelay
test ! -e /usr/bin/tiderelay -a -e /var/lib/tiderelay/kept -a -e /etc/tiderelay/tiderelay.yaml
dpkg -i /tmp/second.deb
test -e /var/lib/tiderelay/kept
dpkg -P tiderelay
test ! -e /var/lib/tiderelay -a ! -e /etc/tiderelay
echo ALL-DONE
"""


class Package(Scenario):
    def deb(self) -> Path:
        build = harness.BINARY.parent
        if not (build / "CPackConfig.cmake").exists():
            self.skipTest(f"{build} is no build folder")
        done = subprocess.run(["cpack", "--config", build / "CPackConfig.cmake", "-B", self.folder / "package"],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return next((self.folder / "package").glob("*.deb"))

    def later(self, deb: Path) -> Path:
        """The same as a later version."""
        tree = self.folder / "tree"
        subprocess.run(["dpkg-deb", "-R", deb, tree], check=True, timeout=60)
        control = tree / "DEBIAN/control"
        text = control.read_text()
        control.write_text("\n".join("Version: 99.0" if line.startswith("Version:") else line
                                     for line in text.splitlines()) + "\n")
        subprocess.run(["dpkg-deb", "-Znone", "-b", tree, self.folder / "later.deb"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        return self.folder / "later.deb"

    def test_it_installs_starts_upgrades_and_is_removed(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("a root of its own needs root")
        deb = self.deb()
        fields = subprocess.run(["dpkg-deb", "-f", deb, "Package", "Depends"], capture_output=True, text=True,
                                check=True).stdout
        for word in ("Package: tiderelay", "libc6", "libssl3", "libyaml-cpp"):
            self.assertIn(word, fields)
        shutil.copy(deb, self.folder / "first.deb")
        self.later(deb)
        (self.folder / "in_root.sh").write_text(IN_ROOT.replace("PORT", str(servers.free_port())))
        # This machine's root with a layer of its own above it, which goes with the mount namespace.
        script = f"""set -e
mount -t tmpfs tmpfs /mnt; mkdir /mnt/up /mnt/work /mnt/fresh
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/fresh
mount --rbind /dev /mnt/fresh/dev; mount --rbind /proc /mnt/fresh/proc; mount -t tmpfs tmpfs /mnt/fresh/tmp
cp {self.folder}/first.deb {self.folder}/in_root.sh /mnt/fresh/tmp
cp {self.folder}/later.deb /mnt/fresh/tmp/second.deb
exec chroot /mnt/fresh bash /tmp/in_root.sh"""
        done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, timeout=300)
        if "mount: " in done.stderr and "ALL-DONE" not in done.stdout and "overlay" in done.stderr:
            self.skipTest(f"no overlay of the root here: {done.stderr.strip()[:200]}")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1:]), (0, ["ALL-DONE"]), done.stdout + done.stderr)
        self.assertFalse(Path("/etc/tiderelay").exists() and not os.environ.get("KEEP"), "the machine's own root")
