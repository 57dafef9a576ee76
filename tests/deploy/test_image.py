"""The image: what gets in, and that it runs with nothing that it does not need."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from dockerfile import BASE_PATH, BuiltImage, as_user, is_sent, read_stages
from support.policies import ROOT

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
LOCK = ROOT / "requirements" / "server.lock"
DEMO_INSIDE = "/opt/cookiegate/lib/python3.11/site-packages/cookiegate/examples/demo.yaml"
READY_WITHIN_S = 30.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mount namespaces need root")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return BuiltImage(DOCKERFILE, tmp_path_factory.mktemp("image"))


@pytest.fixture
def volume(image: BuiltImage, tmp_path: Path) -> Path:
    """A volume as Docker makes it: a copy of the image's folder, with its owner and mode."""
    folder = tmp_path / "volume"
    owner, mode = image.final.all("COPY")[-1], re.findall(r"--chmod=(\d+)", image.final.all("COPY")[-1])[0]
    user, group = map(int, re.findall(r"--chown=(\d+):(\d+)", owner)[0])
    folder.mkdir()
    folder.chmod(int(mode, 8))
    os.chown(folder, user, group)
    return folder


def environment(image: BuiltImage) -> dict[str, str]:
    return {"PATH": BASE_PATH, "COOKIEGATE_BASE_URL": "https://consent.example.jp", **image.final.env()}


def run(image: BuiltImage, volume: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = image.command(*arguments, data=volume)
    return subprocess.run(command, env=environment(image), capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def running(image: BuiltImage, volume: Path) -> Iterator[subprocess.Popen[bytes]]:
    published = run(image, volume, "policy", "publish", DEMO_INSIDE)
    assert published.returncode == 0, published.stderr
    process = subprocess.Popen(image.command(data=volume), env=environment(image), stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait(10)


def inside(image: BuiltImage, process: subprocess.Popen[bytes], words: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs something beside the service, as ``docker exec`` and health checks do."""
    entered = ["nsenter", "--target", str(process.pid), "--mount", "--net", "--root"]
    user, group = image.final.all("USER")[-1].split(":")
    command = [*entered, *as_user(user, group), *words]
    return subprocess.run(command, env=environment(image), capture_output=True, text=True, timeout=30, check=False)


def test_the_dockerfile_passes_its_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--format", "json", DOCKERFILE], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == []
    assert done.returncode == 0, done.stderr


def test_it_gives_up_every_privilege_and_needs_no_shell() -> None:
    build, final = read_stages(DOCKERFILE)
    assert final.all("USER") == ["10001:10001"]
    assert all(json.loads(words) for words in final.all("RUN"))
    last = [step for step, _ in final.steps]
    assert last.index("RUN") > last.index("USER")
    assert not final.all("ADD") + build.all("ADD")
    assert final.all("STOPSIGNAL") == ["SIGTERM"]
    for name in ("ENTRYPOINT", "CMD"):
        assert final.exec_form(name)
    assert "CMD [" in final.all("HEALTHCHECK")[0]
    assert final.all("VOLUME") == ["/data"]
    assert final.env()["COOKIEGATE_DATA_DIR"] == "/data"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("cookiegate/web/app.py", True),
        ("cookiegate/gate/projection/module.c", True),
        ("cookiegate/gate/_projection.abi3.so", False),
        ("hatch_build.py", True),
        ("static/widget/manifest.json", True),
        ("requirements/server.lock", True),
        ("requirements/test.lock", False),
        ("cookiegate/web/__pycache__/app.cpython-311.pyc", False),
        (".cookiegate/keys/ring.json", False),
        (".git/config", False),
        (".env", False),
        ("deploy/secrets/database-url", False),
        ("tests/conftest.py", False),
    ],
)
def test_only_what_the_image_is_made_of_is_sent(path: str, sent: bool) -> None:
    assert is_sent(PurePosixPath(path), ROOT / ".dockerignore") is sent


@as_root
def test_it_holds_what_the_lock_pins_and_nothing_else(image: BuiltImage) -> None:
    packages = image.root / "opt/cookiegate/lib/python3.11/site-packages"
    held = {path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info")}
    found = {re.sub(r"[-_.]+", "-", name.rpartition("-")[0]).lower(): name.rpartition("-")[2] for name in held}
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    assert found.pop("cookiegate")
    assert found == pinned
    assert not (packages / "pip").exists()
    tests = [path for path in (image.root / "opt/cookiegate").rglob("conftest.py") if "cookiegate/tests" in str(path)]
    assert not tests


@as_root
def test_the_gates_quick_way_is_compiled_and_its_sources_stay_behind(image: BuiltImage) -> None:
    gate = image.root / "opt/cookiegate/lib/python3.11/site-packages/cookiegate/gate"
    assert [path.name for path in gate.glob("_projection*.so")] == ["_projection.abi3.so"]
    assert not (gate / "projection").exists()
    python = ["/opt/cookiegate/bin/python", "-c", "import cookiegate.gate._projection"]
    command = image.command("x", data=image.folder)
    command[-2:] = python
    done = subprocess.run(command, env=environment(image), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@as_root
def test_the_build_ends_where_the_base_has_another_python(image: BuiltImage) -> None:
    def build() -> subprocess.CompletedProcess[str]:
        command = image.command("x", data=image.folder)
        command[-2:] = image.final.exec_form("RUN")
        settings = environment(image)
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)

    done = build()
    assert (done.returncode, done.stderr) == (0, "")
    packages = image.root / "opt/cookiegate/lib/python3.11"
    # As it is for a Python that is not 3.11.
    other = packages.rename(packages.with_name("python3.99"))
    try:
        done = build()
    finally:
        other.rename(packages)
    assert done.returncode == 1
    assert "No module named 'cookiegate'" in done.stderr


@as_root
def test_it_serves_with_a_read_only_root_and_no_privileges(
    image: BuiltImage, running: subprocess.Popen[bytes], volume: Path
) -> None:
    check = json.loads(image.final.all("HEALTHCHECK")[0].partition("CMD ")[2])
    deadline = time.monotonic() + READY_WITHIN_S
    while inside(image, running, check).returncode != 0:
        assert running.poll() is None
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
    status = (Path("/proc") / str(running.pid) / "status").read_text()
    assert re.findall(r"^Cap(?:Eff|Prm|Bnd):\s+(\S+)", status, re.MULTILINE) == ["0" * 16] * 3
    assert re.search(r"^NoNewPrivs:\s+1", status, re.MULTILINE)
    assert re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE) == ["10001"]
    for place in ("/opt/cookiegate/new-file", "/tmp/new-file", "/etc/new-file"):
        refused = inside(image, running, ["/opt/cookiegate/bin/python", "-c", f"open('{place}', 'w')"])
        assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr
    keys = [path for path in (volume / "keys").iterdir() if path.is_file()]
    assert keys
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
    running.send_signal(signal.Signals[image.final.all("STOPSIGNAL")[0]])
    assert running.wait(20) == 0


@as_root
def test_the_health_check_says_no_where_nobody_answers(image: BuiltImage, volume: Path) -> None:
    check = json.loads(image.final.all("HEALTHCHECK")[0].partition("CMD ")[2])
    command = image.command("x", data=volume)
    command[-2:] = check
    done = subprocess.run(command, env=environment(image), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
