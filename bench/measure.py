"""What a benchmark reads: CPU seconds and peak memory of a process from /proc, and how figures are printed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, ended ones included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid: int) -> float | None:
    """Peak resident memory; None when the process has ended and the kernel no longer says."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


@dataclass
class Meter:
    """CPU seconds of named processes between start() and stop(); a process that ends first is read by see()."""

    pids: Mapping[str, int]
    before: dict[str, float] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    seconds: float = 0.0

    def start(self) -> "Meter":
        self.before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self.began = time.monotonic()
        return self

    def see(self) -> None:
        for name, pid in self.pids.items():
            try:
                self.used[name] = cpu_seconds(pid) - self.before[name]
                peak = peak_mib(pid)
            except (OSError, ValueError):
                continue  # it ended: the last reading stays
            if peak is not None:
                self.peak[name] = peak

    def stop(self) -> "Meter":
        self.see()
        self.seconds = time.monotonic() - self.began
        return self


def line(name: str, amount: float, unit: str, meter: Meter) -> str:
    """One result: rate, wall time, CPU seconds of each process, peak memory of the mover."""
    per, named = (1e6, "M " + unit) if unit != "MiB" else (1024, "GiB")
    cpu = ", ".join(f"{who} {seconds:.2f} ({seconds / amount * per:.1f} a {named})"
                    for who, seconds in meter.used.items())
    peak = f"; peak {meter.peak['mover']:.0f} MiB" if "mover" in meter.peak else ""
    rate = amount / meter.seconds if meter.seconds else 0.0
    return f"{name:52} {rate:12,.0f} {unit}/s  {meter.seconds:7.2f} s; CPU s: {cpu}{peak}"
