"""The files of IAB TCF and GPP, built as `make widget-tcf` does, and readers of what they say."""

from __future__ import annotations

import fcntl
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from support.npm import install
from support.policies import ROOT

FOLDER = ROOT / "widget" / "tcf"
OUT = ROOT / "static" / "tcf"
#: Invented: no vendor of it exists.
VENDOR_LIST = ROOT / "tests" / "browser" / "frameworks" / "vendor-list.json"
_DECODER = Path(__file__).parents[1] / "browser" / "frameworks" / "decode.mjs"


@cache
def built_frameworks() -> Path:
    """The folder of the built files: this checkout's, which git ignores."""
    install(FOLDER)
    with (FOLDER / ".installing").open("w") as lock:  # no process reads a file that another is writing
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh():
            done = subprocess.run(
                ["node", "build.mjs"], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
    return OUT


def _is_fresh() -> bool:
    sources = [FOLDER / "build.mjs", FOLDER / "package-lock.json", *(FOLDER / "src").iterdir()]
    built = [OUT / name for name in ("tcf.js", "gpp.js", "THIRD-PARTY-NOTICES.txt")]
    if not all(path.exists() for path in built):
        return False
    return min(path.stat().st_mtime for path in built) > max(path.stat().st_mtime for path in sources)


def decoded(*questions: tuple[str, str]) -> list[dict[str, Any]]:
    """What IAB Tech Lab's own packages read from strings.

    Args:
        questions: (``tcf`` or ``gpp``, the string).
    """
    asked = json.dumps(questions)
    done = subprocess.run(
        ["node", str(_DECODER), str(FOLDER)], input=asked, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
