"""Schemathesis over the whole API of a running service, with all its checks. ``make fuzz`` goes on for longer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.live import ServiceProcess

from security.outside import accept, command, make_process

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
#: Of each run; 0 for the few examples of ``make test``.
FUZZ_S = int(os.environ.get("FUZZ_SECONDS", "0"))
#: What was made belongs to the browser whose cookie came with it, and a refusal leaves nothing; see the role matrix.
LEFT_OUT = ("ensure_resource_availability",)
#: Names that nobody knows are refused, however well they are formed.
LEFT_OUT_OF_THE_UNKNOWN = ("positive_data_acceptance",)
SEED = os.environ.get("FUZZ_SEED", "1")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A real service."""
    with make_process(tmp_path) as process:
        yield process


def insider(process: ServiceProcess) -> dict[str, str]:
    """The headers of somebody with a consent, who follows a stream as well, so that doors open and rooms are tried."""
    granted = accept(process)
    said = command(process, "subscribers", "add", "warehouse", "--events", "consent.erase")
    secret = next(word for word in said.split() if word.startswith("whsec_"))
    return {"X-Consent-Token": granted.token, "Authorization": f"Bearer {secret}", "Cookie": granted.cookies}


@pytest.mark.timeout(300 + 2 * FUZZ_S)
@pytest.mark.parametrize("knows", ["the site", "nothing"])
def test_the_service_does_what_its_description_says(process: ServiceProcess, tmp_path: Path, knows: str) -> None:
    line = [str(Path(sys.executable).with_name("st"))]
    line += ["--config-file", str(CONFIGURATION)] if knows == "the site" else []
    held = insider(process) if knows == "the site" else {}
    line += ["run", f"{process.base_url}/openapi.json", "--checks", "all", "--no-color", "--seed", SEED]
    line += [part for name, value in held.items() for part in ("-H", f"{name}: {value}")]
    line += ["--generation-database", "none", "--continue-on-failure", "--max-failures", "40"]
    line += ["--max-time", str(FUZZ_S)] if FUZZ_S else ["--max-examples", "12" if knows == "the site" else "4"]
    line += [
        "--exclude-checks",
        ",".join(LEFT_OUT if knows == "the site" else (*LEFT_OUT, *LEFT_OUT_OF_THE_UNKNOWN)),
    ]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = "\n".join(line[:300] for line in done.stdout.splitlines() if line.strip())
    assert done.returncode == 0, said[-12_000:] + done.stderr[-2_000:]
    log = process.log.read_text(errors="replace")
    assert "unexpected_error" not in log
    assert "Traceback" not in log
