"""Configuration, read once from the environment into a frozen object.

Every setting is a field of :class:`Settings` and an environment variable ``COOKIEGATE_<FIELD>``. The table in
``docs/reference/settings.md`` is held to this file by a test.
"""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from limits import parse_many

from cookiegate.errors import SettingsError

PREFIX = "COOKIEGATE_"
TOKEN_TTL_MAX_S = 900
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _origin_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http(s) address such as https://consent.example.jp")
    return text.rstrip("/")


def _url_or_none(text: str) -> str | None:
    return _origin_url(text) if text else None


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise ValueError(f"must be a whole number from {low} to {high}")
        number = int(text)
        if not low <= number <= high:
            raise ValueError(f"must be from {low} to {high}")
        return number

    return parse


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text

    return parse


def _rate(text: str) -> str:
    rates = parse_many(text)
    if len(rates) != 1 or rates[0].amount < 1:
        raise ValueError("must be one rate of at least one, such as 60/minute")
    return text


def _redis_url(text: str) -> str | None:
    # The address may hold a password, so it is never repeated in a message.
    if not text:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be a Redis address such as redis://127.0.0.1:6379/0")
    if importlib.util.find_spec("redis") is None:
        raise ValueError('must wait until its client is there: pip install "cookiegate[redis]"')
    return text


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _setting(default: Any, parse: Callable[[str], Any], doc: str) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Times end in ``_s`` (seconds), sizes in ``_bytes``."""

    data_dir: Path = _setting(Path(".cookiegate"), _path, "Folder of the database, keys and collected events.")
    base_url: str = _setting(
        "http://127.0.0.1:8000", _origin_url, "Public address of the service: `iss` of tokens, base of status lists."
    )
    database_url: str | None = _setting(
        None, lambda text: text or None, "SQLAlchemy URI of the record; unset: SQLite in the data folder."
    )
    redis_url: str | None = _setting(None, _redis_url, "Redis for shared rate limits; unset: memory of this process.")
    trusted_proxies: tuple[Network, ...] = _setting(
        (), _networks, "CIDRs, comma-separated, whose `X-Forwarded-For` is believed (rightmost untrusted hop)."
    )
    token_ttl_s: int = _setting(TOKEN_TTL_MAX_S, _between(30, TOKEN_TTL_MAX_S), "Life of a consent token.")
    body_limit_bytes: int = _setting(65_536, _between(1_024, 16_777_216), "Largest JSON body of the API.")
    collect_limit_bytes: int = _setting(
        1_048_576, _between(1_024, 67_108_864), "Largest tracker body, before and after decompression."
    )
    rate_limit_writes: str = _setting("300/minute", _rate, "Decisions per client address and site.")
    rate_limit_tokens: str = _setting("120/minute", _rate, "Token refreshes per client address and site.")
    rate_limit_events: str = _setting("3000/minute", _rate, "Requests to `/collect` per client address.")
    collect_url: str | None = _setting(
        None, _url_or_none, "Collector that accepted events are forwarded to; unset: JSON lines in the data folder."
    )
    threads: int = _setting(8, _between(1, 256), "Request threads of `cookiegate serve`.")
    log_level: str = _setting("info", _choice("debug", "info", "warning", "error"), "Least level that is logged.")
    secure_cookies: bool | None = _setting(
        None, _flag, "1: cookies carry `Secure`; 0: not; unset: as the scheme of the base URL says."
    )

    @property
    def cookies_are_secure(self) -> bool:
        """Whether cookies carry ``Secure``."""
        return self.base_url.startswith("https:") if self.secure_cookies is None else self.secure_cookies


def read_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Reads every ``COOKIEGATE_*`` variable; anything unknown or unusable stops the start.

    Args:
        environ: the environment; ``os.environ`` when not given.
        overrides: fields that a command line sets, already of their final type.

    Returns:
        The settings, with an existing, writable data folder.

    Raises:
        SettingsError: naming every variable that is wrong, and what it should be.
    """
    environ = os.environ if environ is None else environ
    known = {PREFIX + item.name.upper(): item for item in fields(Settings)}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            faults.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
            continue
        item = known[name]
        try:
            values[item.name] = item.metadata["parse"](environ[name])
        except ValueError as error:
            faults.append(f"{name} {_reason(error)}")
    if faults:
        raise SettingsError("; ".join(faults), faults=faults)
    settings = Settings(**(values | overrides))
    _prepare_data_dir(settings.data_dir)
    return settings


def _reason(error: ValueError) -> str:
    text = str(error)
    return text if text.startswith("must be") else f"has a bad value: {text}"


def _prepare_data_dir(data_dir: Path) -> None:
    name = f"{PREFIX}DATA_DIR"
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise SettingsError(f"{name}: the folder {data_dir} cannot be written ({error.strerror})") from error
