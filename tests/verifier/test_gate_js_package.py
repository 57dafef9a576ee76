"""The package for npm: what it ships, its types, where it runs, and its own tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from support.consent import ISSUER, ConsentService

HERE = Path(__file__).parent
HOW_TO = HERE.parents[1] / "docs" / "how-to" / "gate-in-javascript.md"


def run(*command: str, folder: Path, asked: str = "") -> str:
    """What a command printed."""
    done = subprocess.run(command, cwd=folder, input=asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_tables_are_those_of_the_gate_in_python(package: Path) -> None:
    done = subprocess.run([sys.executable, str(package / "export_tables.py"), "--check"], check=False, timeout=60)
    assert done.returncode == 0, "the tables changed: run `make gate-js-tables` and commit verifier-js/src/tables"


def test_its_own_tests_pass(package: Path) -> None:
    run("node", "--test", *map(str, sorted(HERE.glob("*.test.mjs"))), folder=package)


def test_it_ships_its_sources_and_types_and_nothing_else(package: Path) -> None:
    (listed,) = json.loads(run("npm", "pack", "--dry-run", "--json", folder=package))
    names = {item["path"] for item in listed["files"]}
    root = package / "src"
    sources = {str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.js")}
    wanted = {f"src/{name}.js" for name in sources} | {f"types/{name}.d.ts" for name in sources}
    assert names == wanted | {"package.json", "README.md", "LICENSE"}
    assert listed["size"] < 100_000


def test_it_depends_on_jose_alone_and_on_nothing_of_node(package: Path) -> None:
    described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    assert list(described["dependencies"]) == ["jose"]
    for path in (package / "src").rglob("*.js"):
        imported = re.findall(
            r'^(?:import|export) [^;]*?from "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert all(name.startswith(("./", "../")) or name == "jose" for name in imported), path


def test_its_lock_file_pins_digests_and_names_no_registry(package: Path) -> None:
    lock = json.loads((package / "package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages)
    assert not any("resolved" in entry for entry in packages)


def test_it_runs_where_only_web_apis_are(package: Path, service: ConsentService) -> None:
    line = json.dumps({"consent_token": service.token(), "event": "x", "url": "http://shop.test/", "secret": 1})
    bound = service.signed(service.claims(bnd={"plain": "A" * 22}))
    asked = {
        "verifier": {
            "jwks": service.ring.jwks(),
            "status": [(service.register.signed(1) or b"").decode()],
            "audience": "demo",
            "issuer": ISSUER,
        },
        "nowMs": service.clock.now_ms(),
        "lines": [line, json.dumps({"consent_token": bound, "client_id": "x"}), "{"],
    }
    script = str(HERE / "bare_context.mjs")
    found = json.loads(
        run("node", "--no-warnings", "--experimental-vm-modules", script, folder=package, asked=json.dumps(asked))
    )
    assert found["counts"] == {
        "accepted": 1,
        "dropped": {"binding_mismatch": 1, "event_malformed": 1},
        "stripped": {"secret": 1},
    }
    assert json.loads(found["out"][0])["url"] == "http://shop.test/"
    assert not found["hasNode"]


def test_its_types_hold_in_a_strict_program_and_in_the_documented_worker(package: Path, tmp_path: Path) -> None:
    run("npm", "run", "--silent", "types", folder=package)
    outside(package, tmp_path)
    (tmp_path / "consumer.ts").write_text((HERE / "consumer.ts").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "worker.js").write_text(examples()[0], encoding="utf-8")
    options = {"strict": True, "checkJs": True, "noImplicitAny": False, "noEmit": True, "target": "ES2023", "types": []}
    options |= {"module": "NodeNext", "lib": ["ES2023", "DOM", "DOM.Iterable"]}
    config = {"compilerOptions": options, "include": ["*.ts", "*.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    run(str(package / "node_modules" / ".bin" / "tsc"), "-p", str(tmp_path), folder=tmp_path)


def test_the_documented_pipeline_runs(package: Path, tmp_path: Path, service: ConsentService) -> None:
    outside(package, tmp_path)
    program = examples()[1].replace(
        '"https://consent.example.jp/.well-known/jwks.json"', json.dumps(service.ring.jwks())
    )
    listed = (service.register.signed(1) or b"").decode()
    program = program.replace('"https://consent.example.jp/status/1"', json.dumps(listed))
    program = program.replace('audience: "demo",', f'audience: "demo", nowMs: () => {service.clock.now_ms()},')
    (tmp_path / "pipeline.mjs").write_text(program, encoding="utf-8")
    line = json.dumps({"consent_token": service.token(), "event": "x", "secret": 1})
    out = run("node", "pipeline.mjs", folder=tmp_path, asked=f"{line}\n{{\n{line}\n")
    assert [json.loads(kept)["event"] for kept in out.splitlines()] == ["x", "x"]


def examples() -> list[str]:
    """The programs of the how-to."""
    return re.findall(r"```js\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)


def outside(package: Path, folder: Path) -> None:
    """Makes a folder where the package is installed."""
    scope = folder / "node_modules" / "@cookiegate"
    scope.mkdir(parents=True)
    (scope / "gate").symlink_to(package)
    (folder / "package.json").write_text('{"type":"module"}', encoding="utf-8")
