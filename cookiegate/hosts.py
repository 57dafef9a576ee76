"""Hosts, ports and brokers as settings name them."""

from __future__ import annotations

import importlib.util
import re
from urllib.parse import urlsplit


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
