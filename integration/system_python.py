"""Starts the program again with Debian's own Python when the one in use lacks PyMySQL (a pyenv first on PATH)."""

from __future__ import annotations

import importlib.util
import os
import sys

DEBIAN_PYTHON = "/usr/bin/python3"


def ensure() -> None:
    if importlib.util.find_spec("pymysql") is not None:
        return
    if os.path.realpath(sys.executable) == os.path.realpath(DEBIAN_PYTHON) or not os.path.exists(DEBIAN_PYTHON):
        sys.exit("PyMySQL is missing; run integration/install.sh")
    os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.orig_argv[1:]])
