#!/usr/bin/env bash
# Installs what building and testing need on Debian 12 (as root or with sudo). Safe to run again, and quick when nothing
# is missing: then neither apt nor sudo is called. No installed package starts a service.
set -euo pipefail

packages=(
  # building
  ccache cmake g++ git make ninja-build pkg-config
  libboost1.81-dev libboost-json1.81-dev libbenchmark-dev libcli11-dev libdeflate-dev libedit-dev libfmt-dev libgmock-dev
  libgtest-dev libicu-dev liblz4-dev libre2-dev libspdlog-dev libssl-dev libyaml-cpp-dev libzstd-dev
  prometheus-cpp-dev zlib1g-dev
  # make lint and make fuzz
  clang-14 clang-format-14 libclang-rt-14-dev
  # real servers: MariaDB itself, and what the servers from other registries need to run
  ca-certificates debian-archive-keyring libaio1 libatomic1 libnuma1 mariadb-client mariadb-server
  # scenarios and benchmarks
  chromium iproute2 openssl prometheus python3 python3-cryptography python3-pymysql sysbench tmux
)
# Often here already from another source (a vendor's Node, a Maven of one's own): installed only when the command is missing.
command -v npm >/dev/null || packages+=(npm)
command -v mvn >/dev/null || packages+=(maven)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

. /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  echo "integration/install.sh knows Debian 12 only; here install what matches: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

# Packages of servers start them as services unless this program says no (101). One that exists already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap '"${as_root[@]}" rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
elif [ "$(sh $policy mariadb start >/dev/null 2>&1; echo $?)" != 101 ]; then
  echo "note: $policy exists and is left alone; it may let mariadb-server start a service" >&2
fi

echo "installing: ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=600)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
