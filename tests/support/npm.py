"""Locked npm packages in ignored folders."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path


def install(folder: Path) -> Path:
    """The folder, with the packages of its lock file in ``node_modules``."""
    installed = folder / "node_modules" / ".package-lock.json"
    with (folder / ".installing").open("w") as lock:  # one of the processes that share the tests installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170, check=False)
            assert done.returncode == 0, f"npm ci failed:\n{done.stderr}"
    return folder
