"""The Kafka client, an extra, and its settings from a file of ``name=value`` lines, as Kafka's own tools have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cookiegate.errors import SourceUnreadableError

LIMIT_BYTES = 65_536
#: What the errors that people meet first mean, by the client's name for them.
_MEANINGS = {
    "UNKNOWN_TOPIC_OR_PART": "the brokers have no such topic",
    "TOPIC_AUTHORIZATION_FAILED": "the client may not use the topic",
    "GROUP_AUTHORIZATION_FAILED": "the client may not join the group",
    "_TIMED_OUT": "the brokers do not answer in time",
    "_TRANSPORT": "a broker cannot be reached, or wants TLS",
    "_ALL_BROKERS_DOWN": "none of the brokers can be reached",
    "_RESOLVE": "a broker's name leads to no address",
    "_AUTHENTICATION": "the brokers refuse the name or the password",
    "_SSL": "TLS fails: see security.protocol and ssl.ca.location",
}


def read_client_settings(path: Path, option: str) -> dict[str, str]:
    """The settings in a file; empty lines and those that begin with ``#`` are passed over.

    Args:
        path: the file. It may hold passwords, so no message repeats what is in it.
        option: what named the file, for messages.

    Raises:
        SourceUnreadableError: it cannot be read, or a line is no setting.
    """
    try:
        text = path.read_bytes()[: LIMIT_BYTES + 1].decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SourceUnreadableError(f"{option}: {path} cannot be read ({reason})", source=str(path)) from error
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or not name:
            raise SourceUnreadableError(
                f"{option}: line {number} of {path} must be a setting such as security.protocol=SSL", source=str(path)
            )
        settings[name] = value
    return settings


def error_text(name: str, topic: str | None = None) -> str:
    """An error of the client in words, with its name and the topic that it is about."""
    about = f" ({topic})" if topic else ""
    return f"{_MEANINGS[name]}{about}: {name}" if name in _MEANINGS else f"{name}{about}"


def client_library(what: str) -> Any:
    """The Kafka client.

    Args:
        what: needs it, for the message.

    Raises:
        SourceUnreadableError: it is not installed.
    """
    try:
        import confluent_kafka  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise SourceUnreadableError(
            f'{what} needs its client: pip install "cookiegate[kafka]"', source="kafka"
        ) from error
    return confluent_kafka
