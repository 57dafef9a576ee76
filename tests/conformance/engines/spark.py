"""PySpark on ``local-cluster``: two executors, each a process of its own, as on a real cluster.

PySpark and what it needs are in a folder of their own (``make conformance`` fills it), beside the tests' packages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conformance.material import Material, Tally

_ROOT = Path(__file__).parents[3]
PACKAGES = _ROOT / ".venv-spark" / "packages"


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = {
        "folder": str(material.folder),
        "trackers": list(material.lines),
        "audience": material.audience,
        "issuer": material.issuer,
        "purpose": material.purpose,
        "made_ms": material.made_ms,
    }
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(_ROOT / "tests"), str(_ROOT))),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_WORKER_DIR": str(folder),
    }
    with (folder / "spark.log").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", "conformance.engines.spark_job"],
            input=json.dumps(asked), stdout=subprocess.PIPE, stderr=log, text=True, env=environment, check=False,
            timeout=600, cwd=folder,
        )  # fmt: skip
    assert done.returncode == 0, (folder / "spark.log").read_text(encoding="utf-8")[-4000:]
    found: Tally = json.loads(done.stdout.splitlines()[-1])
    return found
