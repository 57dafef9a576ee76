"""What a decision remembers of the device that made it: browser family, major version, system, kind. Nothing finer.

``user-agents`` answers the questions (phone or tablet? robot?), but its own entry parses with ua-parser's pure-Python
rules, a thousand microseconds for a header never seen. So its object is filled here from the compiled rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from ua_parser import Domain, Parser, load_lazy_builtins
from ua_parser.regex import Resolver as CompiledResolver
from user_agents.parsers import UserAgent, parse_browser, parse_device, parse_operating_system

#: Longest part of a ``User-Agent`` header that is looked at, in bytes.
HEADER_LIMIT_BYTES = 256
#: How many distinct headers are remembered, in memory only.
CACHE_ENTRIES = 4_096
#: Longest family name that is kept. Families are mostly names from ua-parser's list, a few are cut from the header.
NAME_LIMIT_CHARS = 40

Kind = Literal["desktop", "phone", "tablet", "bot", "other"]

#: Programs that speak HTTP for their user. They may decide through the API, so they are no robots,
#: although ua-parser files some of them under spiders.
API_CLIENTS = frozenset(
    {"curl", "Python-urllib", "Python Requests", "aiohttp", "Wget", "Go-http-client", "okhttp", "HTTPie"}
)
#: Crawlers that ua-parser names without calling them spiders; "Cubot" is a maker of phones.
_CRAWLER_NAME = re.compile(r"(?<!cu)bot\b|spider|crawler", re.IGNORECASE)

#: Browsers that are a view inside another app, with no cookie settings of their own.
_EMBEDDED_FAMILIES = frozenset(
    {
        "Android WebView",
        "Chrome Mobile WebView",
        "Facebook",
        "Facebook Messenger",
        "Instagram",
        "LINE",
        "Mobile Safari UI/WKWebView",
        "Pinterest",
        "Snapchat",
        "TikTok",
        "Twitter",
        "WeChat",
    }
)
_EMBEDDED_MARK = re.compile(
    r"; wv\)|\bGSA/|\bYJApp-|\bLine/|\bFBA[NV]/|\bInstagram\b|\bMicroMessenger/|\bmusical_ly|\bBytedanceWebview"
)


@dataclass(frozen=True, slots=True)
class Device:
    """The device facts of a decision.

    Args:
        browser: family, such as ``Chrome Mobile``; ``Other`` when unknown.
        browser_major: first part of the version, digits as text, or None.
        os: family of the operating system, such as ``Android``; ``Other`` when unknown.
        kind: what the visitor holds in hand, or ``bot`` for a self-declared crawler.
        embedded: a web view inside another app; chooses the guidance that is shown and is not recorded.
    """

    browser: str
    browser_major: str | None
    os: str
    kind: Kind
    embedded: bool = False

    @property
    def is_bot(self) -> bool:
        """Whether this is a self-declared crawler. It gets no banner and cannot decide."""
        return self.kind == "bot"

    def facts(self) -> dict[str, str | None]:
        """What a decision records. The header itself is never among it."""
        return {"browser": self.browser, "browser_major": self.browser_major, "os": self.os, "kind": self.kind}


def read_device(header: str | None) -> Device:
    """Reads a ``User-Agent`` header. Any text is fine; this never raises.

    Args:
        header: the header as the client sent it, of any length; None or empty when there was none.

    Returns:
        The device. Headless browsers count as browsers, HTTP libraries as ``other``, crawlers as ``bot``.
    """
    if not header:
        return _UNKNOWN
    capped = header[:HEADER_LIMIT_BYTES]
    if not capped.isascii():
        # Lone surrogates cannot enter the compiled parser, and 256 characters may be a thousand bytes.
        capped = capped.encode("utf-8", "ignore")[:HEADER_LIMIT_BYTES].decode("utf-8", "ignore")
    return _read(capped)


_UNKNOWN = Device("Other", None, "Other", "other")


@lru_cache(maxsize=CACHE_ENTRIES)
def _read(header: str) -> Device:
    agent = _user_agent(header)
    version = agent.browser.version
    return Device(
        browser=_name(agent.browser.family),
        browser_major=str(version[0])[:8] if version and str(version[0]).isdecimal() else None,
        os=_name(agent.os.family),
        kind=_kind(agent),
        embedded=agent.browser.family in _EMBEDDED_FAMILIES or _EMBEDDED_MARK.search(header) is not None,
    )


def _user_agent(header: str) -> Any:
    """``user_agents.parse(header)``, with the compiled parser behind it."""
    parsed = _parser()(header, Domain.ALL).complete().with_defaults()
    browser, system, device = parsed.user_agent, parsed.os, parsed.device
    agent = UserAgent.__new__(UserAgent)  # its __init__ is the slow parse
    agent.ua_string = header
    agent.browser = parse_browser(browser.family, *_numbers(browser.major, browser.minor, browser.patch))
    agent.os = parse_operating_system(system.family, *_numbers(system.major, system.minor, system.patch))
    agent.device = parse_device(device.family, device.brand, device.model)
    return agent


def _numbers(*parts: str | None) -> list[str | None]:
    # user-agents calls int() on anything that isdigit(), and int("²") raises.
    return [part if part and part.isascii() else None for part in parts]


@cache
def _parser() -> Parser:
    return Parser(CompiledResolver(load_lazy_builtins()))


def _kind(agent: Any) -> Kind:
    if _is_crawler(agent):
        return "bot"
    if agent.browser.family in API_CLIENTS:
        return "other"
    # Firefox says "Tablet" itself; user-agents takes every Firefox on Android for a phone.
    if agent.is_tablet or agent.device.family == "Generic Tablet":
        return "tablet"
    if agent.is_mobile:
        return "phone"
    return "desktop" if agent.is_pc else "other"


def _is_crawler(agent: Any) -> bool:
    if agent.browser.family in API_CLIENTS:
        return False
    return bool(agent.is_bot) or _CRAWLER_NAME.search(agent.browser.family) is not None


def _name(family: str) -> str:
    kept = "".join(character for character in family if character.isprintable())[:NAME_LIMIT_CHARS].strip()
    return kept or "Other"
