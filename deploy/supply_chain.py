"""What the service ships: checks of its bill of materials and of its packages' known vulnerabilities.

python deploy/supply_chain.py sbom dist/sbom.cdx.json       every pin is in it, nothing else, no licence that binds
python deploy/supply_chain.py audit path/to/pip-audit       asks the advisories; fails when they cannot be asked
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements" / "server.lock"
#: What may be shipped. LGPL: psycopg, used as a library of its own that anybody may replace.
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "LGPL-3.0-only",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
_CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
}
#: Packages whose metadata name no licence; their sources do.
STATED_IN_SOURCES = {"pysqlite3": "Zlib"}
#: A release with known vulnerabilities: who does not know them knows nothing.
CANARY = "urllib3==1.24.1"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$")


def read_pins(lock: str) -> dict[str, str]:
    """The versions that a lock pins, by normalised name (PEP 503).

    Raises:
        ValueError: a line pins nothing, or a pin has no hash.
    """
    pins: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", lock.strip()):
        first, *rest = block.splitlines()
        if first.startswith("#"):
            continue
        found = _PIN.match(first)
        if found is None:
            raise ValueError(f"{first} is not pinned, or has no hash")
        if not any(re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$", line) for line in rest):
            raise ValueError(f"{found[1]} has no SHA-256")
        pins[normal(found[1])] = found[2]
    return pins


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences_of(component: Mapping[str, Any]) -> list[str]:
    """The licences of a CycloneDX component, by SPDX id."""
    stated = [
        item.get("expression") or item["license"].get("id") or item["license"].get("name", "")
        for item in component.get("licenses", [])
    ]
    stated = stated or [STATED_IN_SOURCES.get(normal(component["name"]), "")]
    return [name for text in stated for name in re.split(r" OR | AND |[()]", _CLASSIFIERS.get(text, text)) if name]


def faults_of(bill: Mapping[str, Any], pins: Mapping[str, str]) -> list[str]:
    """What is wrong with a bill of materials: sentences, none when it is right."""
    found = {normal(item["name"]): item for item in bill["components"]}
    faults = [f"{name} {version} is shipped and not in the bill" for name, version in pins.items() if name not in found]
    for name, item in found.items():
        if name not in pins:
            faults.append(f"{name} is in the bill and not in the lock")
        elif item["version"] != pins[name]:
            faults.append(f"{name} is {item['version']} in the bill and {pins[name]} in the lock")
        licences = licences_of(item)
        faults += [f"{name}: the licence {text} is not one we ship" for text in licences if text not in LICENCES]
        if not licences:
            faults.append(f"{name} names no licence")
    if bill["metadata"]["component"]["name"] != "cookiegate":
        faults.append("the bill is of something else")
    return faults


def vulnerabilities(report: Mapping[str, Any]) -> list[str]:
    """What a report of pip-audit names."""
    return [
        f"{item['name']} {item['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no release'}"
        for item in report["dependencies"]
        for found in item.get("vulns", [])
    ]


def unasked(report: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Packages that a report says nothing about."""
    answered = {normal(item["name"]) for item in report["dependencies"] if "vulns" in item}
    return sorted(set(names) - answered)


def ask(auditor: str, requirements: Path) -> dict[str, Any] | None:
    """The report on a requirements file; None when the advisories could not be asked."""
    words = [auditor, "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    words += ["--progress-spinner", "off"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  what make installed
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return report if "dependencies" in report else None


def audit(auditor: str) -> list[str]:
    """Sentences that say what must be done; none when every pin was asked about and is clean."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(CANARY + "\n")
        report = ask(auditor, canary)
    if report is None or not vulnerabilities(report):
        return [
            f"the advisories cannot be asked from here ({CANARY} looked clean or got no answer): nothing was checked"
        ]
    report = ask(auditor, LOCK)
    if report is None:
        return ["the advisories stopped answering: nothing was checked"]
    missing = unasked(report, read_pins(LOCK.read_text(encoding="utf-8")))
    return [*vulnerabilities(report), *(f"{name} was not checked" for name in missing)]


def main(command: str, argument: str) -> int:
    """Runs one of the two checks; 0 when all is well."""
    pins = read_pins(LOCK.read_text(encoding="utf-8"))
    if command == "sbom":
        faults = faults_of(json.loads(Path(argument).read_text(encoding="utf-8")), pins)
        well = f"{argument}: {len(pins)} packages, each pinned and licensed for shipping"
    else:
        faults = audit(argument)
        well = f"{len(pins)} packages: no known vulnerability"
    print("\n".join(faults) if faults else well)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
