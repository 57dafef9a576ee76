"""Hosts, ports, brokers and mail servers as settings name them."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


def host_and_port(text: str, default: int) -> tuple[str, int] | None:
    """``host`` or ``host:port``; None if it is neither."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host, default if port is None else port) if host and port != 0 else None


def kafka_brokers(text: str) -> str | None:
    """Brokers as the client takes them; None for nothing.

    Raises:
        ValueError: there is no port, or no client.
    """
    if not text:
        return None
    found = [host_and_port(part.strip(), 0) for part in text.split(",")]
    if not all(place and place[1] for place in found):
        raise ValueError("must be brokers such as kafka-1.internal:9092,kafka-2.internal:9092")
    if importlib.util.find_spec("confluent_kafka") is None:
        raise ValueError('must wait until its client is there: pip install "cookiegate[kafka]"')
    return text


def topic_prefix(text: str) -> str:
    """What may begin the name of a topic.

    Raises:
        ValueError: it may not.
    """
    if re.fullmatch(r"[A-Za-z0-9._-]{0,200}", text) is None:
        raise ValueError("must be letters, digits, dots, hyphens and underscores")
    return text


def header_name(text: str) -> str | None:
    """The name of a header; None for nothing.

    Raises:
        ValueError: it is none.
    """
    if text and re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", text) is None:
        raise ValueError("must be the name of a header, such as CF-IPCountry")
    return text or None


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed over. ``tls``: ``implicit`` from the first byte, ``starttls`` demanded, or ``none``."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def smtp_server(text: str) -> SmtpServer | None:
    """A mail server's address; None for nothing.

    Raises:
        ValueError: it is none.
    """
    # The address may hold a password, so it is never repeated in a message.
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port, query = parts.hostname, parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        host, port, query = None, None, {}
    given = query.pop("tls", query.pop("starttls", [""]))[0]
    tls = _smtp_tls(parts.scheme if host else "", given, host or "")
    if not tls or query or not host or port == 0 or parts.path.strip("/") or parts.fragment:
        raise ValueError(
            "must be a mail server such as smtps://user:password@mail.example.jp, smtp://mail.example.jp:587 "
            "(STARTTLS is demanded), or smtp://mail.internal:25?tls=none"
        )
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return SmtpServer(host, port or {"implicit": 465, "starttls": 587}.get(tls, 25), tls, user, password)


def _smtp_tls(scheme: str, given: str, host: str) -> str:
    """How the line is secured; empty for what makes no sense. In clear only where that is asked, or on this machine."""
    if scheme == "smtps":
        return "" if given else "implicit"
    if scheme != "smtp" or given not in ("", "1", "none"):
        return ""
    return "none" if given == "none" or (not given and is_loopback(host)) else "starttls"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
