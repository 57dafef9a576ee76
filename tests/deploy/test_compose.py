"""The Compose file: valid, locked away, without a secret in it, and its secrets work."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import redis
from ruamel.yaml import YAML
from support.policies import ROOT
from support.ports import free_port
from support.redis_servers import wait_until

from cookiegate import __version__
from cookiegate.settings import read_settings

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
COMPOSED: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSED["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def test_it_fits_the_compose_specification(npm_dir: Path) -> None:
    schema = json.loads((npm_dir / "node_modules/dclint/schemas/compose.schema.json").read_text())
    jsonschema.validate(COMPOSED, schema, cls=jsonschema.Draft7Validator)


def test_its_linter_finds_no_error(npm_dir: Path) -> None:
    reached_by_everybody = "no-unbound-port-interfaces"  # nginx is meant to be
    command = [
        npm_dir / "node_modules/.bin/dclint",
        COMPOSE,
        "--formatter",
        "json",
        "--disable-rule",
        reached_by_everybody,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [message for file in json.loads(done.stdout) for message in file["messages"]]
    assert [message for message in found if message["type"] == "error"] == []


@each_service
def test_every_container_is_locked_away(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= set(limits)
    assert service["restart"] == "always"
    assert service["healthcheck"]["test"]
    assert re.fullmatch(r"[^:]+:[^:]+", service["image"])


def test_only_nginx_keeps_a_privilege_and_only_nginx_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "cap_add" in service] == ["nginx"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSED["networks"]["record"]["internal"] is True
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["record"]
    assert SERVICES["nginx"]["networks"] == ["front"]


def test_the_proxy_is_believed_and_nobody_else() -> None:
    subnet = COMPOSED["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert SERVICES["cookiegate"]["environment"]["COOKIEGATE_TRUSTED_PROXIES"] == subnet


def test_no_secret_stands_in_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "://" not in value or "@" not in value, name
            assert "PASSWORD" not in name or name.endswith("_FILE"), name
    for secret in COMPOSED["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_service_takes_its_environment_with_the_secrets_that_the_script_makes(tmp_path: Path) -> None:
    script = ["sh", str(DEPLOY / "docker" / "secrets.sh"), str(tmp_path / "secrets")]
    subprocess.run(script, check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSED["secrets"].values()} == set(made)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "secrets").iterdir())
    service = SERVICES["cookiegate"]
    environment = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value).replace("/run/secrets", str(tmp_path / "secrets"))
        for name, value in service["environment"].items()
    }
    settings = read_settings(environment, data_dir=tmp_path / "data")
    assert settings.database_url == made["database-url"]
    assert made["postgres-password"] in made["database-url"]
    password = re.findall(r":([0-9a-f]{48})@", made["redis-url"])[0]
    assert f"requirepass {password}\n" in made["redis.conf"]
    assert password != made["postgres-password"]
    subprocess.run(script, check=True, capture_output=True)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}


def test_redis_takes_its_secret_and_keeps_nothing(tmp_path: Path) -> None:
    subprocess.run(["sh", str(DEPLOY / "docker" / "secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    config, port = tmp_path / "redis.conf", free_port()
    config.chmod(0o644)
    command = ["redis-server", str(config), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    url = (tmp_path / "redis-url").read_text().replace("@redis:6379", f"@127.0.0.1:{port}")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis.from_url(url) as client, redis.Redis(port=port) as stranger:
            assert wait_until(client.ping, "Redis answers")
            assert client.config_get("save", "appendonly") == {"save": "", "appendonly": "no"}
            with pytest.raises(redis.AuthenticationError):
                stranger.get("x")
    finally:
        process.terminate()
        process.wait(10)


def test_it_starts_the_version_that_this_is() -> None:
    assert SERVICES["cookiegate"]["image"] == f"cookiegate:{__version__}"


def test_every_file_that_it_mounts_is_there_or_is_the_operators() -> None:
    theirs = {"./policies", "./tls"}
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in theirs or source in COMPOSED["volumes"] or (DEPLOY / source).exists(), source
