"""Configuration, read once from the environment into a frozen object.

Every setting is a field of :class:`Settings` and an environment variable ``COOKIEGATE_<FIELD>``. The table in
``docs/reference/settings.md`` is held to this file by a test.
"""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from limits import parse_many

from cookiegate.collectors import collector_url, collector_urls
from cookiegate.errors import SettingsError
from cookiegate.hosts import (
    SmtpServer,
    header_name,
    host_and_port,
    is_loopback,
    kafka_brokers,
    smtp_server,
    topic_prefix,
)

PREFIX = "COOKIEGATE_"
#: An address that may hold a password is also taken from a file: ``COOKIEGATE_DATABASE_URL_FILE=/run/secrets/…``.
FILE_SUFFIX = "_FILE"
SECRET_LIMIT_BYTES = 8_192
TOKEN_TTL_MAX_S = 900
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#: RFC 5321 section 4.1.2 without quoted local parts and address literals.
MAIL_ADDRESS = rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9-]{{1,63}}\.)*[A-Za-z0-9-]{{1,63}}"
_SENDER = re.compile(rf"(?P<bare>{MAIL_ADDRESS})|(?P<name>[^<>\"@,;:]*?)\s*<(?P<named>{MAIL_ADDRESS})>")


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _origin_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http(s) address such as https://consent.example.jp")
    return text.rstrip("/")


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


@dataclass(frozen=True, slots=True)
class RedisServers:
    """Where Redis is. ``kind``: ``standalone``, ``sentinel`` (``hosts`` are the sentinels) or ``cluster``."""

    kind: str
    hosts: tuple[tuple[str, int], ...]
    service: str = ""
    db: int = 0
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)


_REDIS_KINDS = {"": ("standalone", 6379), "sentinel": ("sentinel", 26_379), "cluster": ("cluster", 6379)}
_REDIS_FORMS = (
    "must be a Redis address such as redis://127.0.0.1:6379/0, rediss://user:password@redis.internal, "
    "redis+sentinel://one:26379,two:26379/service or redis+cluster://one:6379,two:6379"
)


def _redis_url(text: str) -> RedisServers | None:
    # The address may hold a password, so it is never repeated in a message.
    if not text:
        return None
    found = _read_redis(text)
    if found is None:
        raise ValueError(_REDIS_FORMS)
    if importlib.util.find_spec("redis") is None:
        raise ValueError('must wait until its client is there: pip install "cookiegate[redis]"')
    return found


def _read_redis(text: str) -> RedisServers | None:
    form = re.fullmatch(r"redis(s?)(?:\+(sentinel|cluster))?://(?:([^@/]*)@)?([^@/?#]+)(?:/([^?#]*))?", text)
    if form is None:
        return None
    (kind, port), path = _REDIS_KINDS[form[2] or ""], [part for part in (form[5] or "").split("/") if part]
    hosts = tuple(host_and_port(part, port) for part in form[4].split(","))
    service = path.pop(0) if kind == "sentinel" and path else ""
    is_whole = kind != "standalone" or len(hosts) == 1
    # A cluster has no numbered databases.
    has_place = bool(service) == (kind == "sentinel") and len(path) <= (kind != "cluster")
    if None in hosts or not (is_whole and has_place) or not all(re.fullmatch(r"[0-9]{1,4}", part) for part in path):
        return None
    user, _, password = (form[3] or "").partition(":")
    return RedisServers(
        kind=kind,
        hosts=tuple(host for host in hosts if host),
        service=unquote(service),
        db=int(path[0]) if path else 0,
        tls=bool(form[1]),
        user=unquote(user) or None,
        password=unquote(password) or None,
    )


def _mail_from(text: str) -> Address | None:
    if not text:
        return None
    found = _SENDER.fullmatch(text.strip())
    if found is None or not text.isprintable():
        raise ValueError("must be an address such as privacy@example.jp or Example Shop <privacy@example.jp>")
    return Address(found["name"] or "", addr_spec=found["named"] or found["bare"])


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _setting(default: Any, parse: Callable[[str], Any], doc: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"parse": parse, "doc": doc, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Times end in ``_s`` (seconds), sizes in ``_bytes``."""

    data_dir: Path = _setting(Path(".cookiegate"), _path, "Folder of the database, keys and collected events.")
    base_url: str = _setting(
        "http://127.0.0.1:8000", _origin_url, "Public address of the service: `iss` of tokens, base of status lists."
    )
    database_url: str | None = _setting(
        None,
        lambda text: text or None,
        "Where the record is kept: `postgresql://user:password@host/database` ([what it asks of the "
        "server](../explanation/postgresql.md)) or `sqlite:///path`; unset: SQLite in the data folder.",
        secret=True,
    )
    redis_url: RedisServers | None = _setting(
        None,
        _redis_url,
        "Redis, never the truth: what [several nodes](../how-to/several-nodes.md) share for speed.",
        secret=True,
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (), _networks, "CIDRs, comma-separated, whose `X-Forwarded-For` is believed (rightmost untrusted hop)."
    )
    country_header: str | None = _setting(
        None, header_name, "Header of trusted proxies with the visitor's place: `JP`, `US-CA` ([regions](regions.md))."
    )
    country_from_address: bool = _setting(
        False, _flag, "1: places are looked up by address, in memory, in the registries' tables (package `iptocc`)."
    )
    vendor_list: Path | None = _setting(
        None,
        lambda text: _path(text) if text else None,
        "Your copy of the [vendor list](../how-to/tell-vendors.md) of IAB TCF, JSON; read anew when it is replaced.",
    )
    token_ttl_s: int = _setting(TOKEN_TTL_MAX_S, _between(30, TOKEN_TTL_MAX_S), "Life of a consent token.")
    body_limit_bytes: int = _setting(65_536, _between(1_024, 16_777_216), "Largest JSON body of the API.")
    collect_limit_bytes: int = _setting(
        1_048_576, _between(1_024, 67_108_864), "Largest tracker body, before and after decompression."
    )
    rate_limit_writes: str = _setting("300/minute", _rate, "Decisions per client address and site.")
    rate_limit_tokens: str = _setting(
        "120/minute", _rate, "Token refreshes, and looks at rights requests, per client address and site."
    )
    rate_limit_events: str = _setting("3000/minute", _rate, "Requests to `/collect` per client address.")
    rate_limit_requests: str = _setting("10/hour", _rate, "Rights requests per client address and site.")
    rate_limit_reads: str = _setting(
        "1200/minute", _rate, "Pages, proofs, feeds and streams read, per client address and site."
    )
    request_target_days: int = _setting(
        14, _between(1, 30), "What “without delay” means for rights requests; see [requests](requests.md)."
    )
    document_days: int = _setting(
        14, _between(1, 60), "Longest that a proof of identity is kept, checked or not; a check that ends destroys it."
    )
    document_limit_bytes: int = _setting(
        5_242_880, _between(65_536, 20_971_520), "Largest proof of identity that is taken: PDF, JPEG or PNG."
    )
    collect_url: str | None = _setting(
        None, collector_url, "Collector that accepted events are forwarded to; unset: JSON lines in the data folder."
    )
    collect_upstreams: tuple[tuple[str, str], ...] = _setting(
        (),
        collector_urls,
        "Collectors of single trackers, as `tracker=address,…`; of the others `COLLECT_URL`.",
    )
    collect_batch_limit_bytes: int = _setting(
        33_554_432,
        _between(1_024, 1_073_741_824),
        "Largest forwarded list of events, before and after inflating.",
    )
    collect_timeout_s: int = _setting(5, _between(1, 300), "Time for a collector's answer, and for each MB of a body.")
    publish_redis_url: RedisServers | None = _setting(
        None, _redis_url, "Redis that the [streams](streams.md#publishing) are published to.", secret=True
    )
    publish_redis_days: int = _setting(7, _between(1, 365), "How long entries stay in its streams.")
    publish_kafka_brokers: str | None = _setting(
        None, kafka_brokers, "Kafka that the streams are published to: `host:port`, comma-separated."
    )
    publish_kafka_topics: str = _setting(
        "cookiegate.", topic_prefix, "Before the names of its topics (`cookiegate.erase`)."
    )
    publish_kafka_config: Path | None = _setting(
        None, lambda text: _path(text) if text else None, "File with more settings of its client, `name=value` lines."
    )
    smtp_url: SmtpServer | None = _setting(
        None,
        smtp_server,
        "Mail server, such as `smtps://user:password@mail.example.jp`; unset: mails wait in the outbox.",
        secret=True,
    )
    mail_from: Address | None = _setting(
        None, _mail_from, "Sender of mails, such as `Example Shop <privacy@example.jp>`; needed with a mail server."
    )
    threads: int = _setting(32, _between(1, 256), "Request threads of `cookiegate serve`, of each worker.")
    one_core: bool = _setting(
        True, _flag, "1: the threads of a process that answer stay on one core, which is quicker; 0: they do not."
    )
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
    given, faults = _with_secret_files(environ, known)
    for name in sorted(given):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            faults.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
            continue
        item = known[name]
        try:
            values[item.name] = item.metadata["parse"](given[name])
        except ValueError as error:
            faults.append(f"{name} {_reason(error)}")
    faults += _faults_together(values)
    if faults:
        raise SettingsError("; ".join(faults), faults=faults)
    settings = Settings(**(values | overrides))
    _prepare_data_dir(settings.data_dir)
    return settings


def _with_secret_files(environ: Mapping[str, str], known: Mapping[str, Field[Any]]) -> tuple[dict[str, str], list[str]]:
    """Our variables, those named ``…_FILE`` replaced by what their files hold; and what is wrong with the files."""
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    faults: list[str] = []
    for name in sorted(given):
        plain = name.removesuffix(FILE_SUFFIX)
        if plain == name or name in known or plain not in known or not known[plain].metadata["secret"]:
            continue
        path = given.pop(name)
        if plain in given:
            faults.append(f"{plain} and {name} are both set: keep one")
            continue
        try:
            with Path(path).open("rb") as file:
                text = file.read(SECRET_LIMIT_BYTES + 1).decode()
        except OSError as error:
            faults.append(f"{name} names {path}, which cannot be read ({error.strerror})")
        except ValueError:
            faults.append(f"{name} names {path}, which is not text")
        else:
            text = text.strip()
            if text and len(text) <= SECRET_LIMIT_BYTES:
                given[plain] = text
            else:
                faults.append(f"{name} names {path}, which must hold the address and nothing else")
    return given, faults


def _faults_together(values: Mapping[str, Any]) -> list[str]:
    faults = []
    if values.get("smtp_url") and not values.get("mail_from"):
        faults.append(f"{PREFIX}MAIL_FROM must be set where {PREFIX}SMTP_URL is: mails need a sender")
    if values.get("country_header") and not values.get("trusted_proxies"):
        faults.append(f"{PREFIX}COUNTRY_HEADER counts from {PREFIX}TRUSTED_PROXIES alone: name the proxies that set it")
    if values.get("country_from_address") and importlib.util.find_spec("iptocc") is None:
        faults.append(f"{PREFIX}COUNTRY_FROM_ADDRESS must wait until its tables are there: pip install iptocc")
    parts = urlsplit(values.get("base_url", ""))
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and values.get("secure_cookies") is None:
        faults.append(
            f"{PREFIX}BASE_URL must begin with https://, since choices and tokens would cross the network in clear; "
            f"for a test in a network of your own set {PREFIX}SECURE_COOKIES=0 too"
        )
    return faults


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
