"""The feed that announces changes of a notice (S31).

Source: RFC 4287 (The Atom Syndication Format).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree as ET

from cookiegate.clock import rfc3339

ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml; charset=utf-8"
#: What XML 1.0 cannot hold, whatever the escape (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One announcement. ``address`` is absolute."""

    title: str
    address: str
    at_ms: int
    lines: Sequence[str]


def make_feed(*, address: str, page: str, title: str, author: str, locale: str, entries: Sequence[FeedEntry]) -> bytes:
    """A feed.

    Args:
        address: of the feed itself, absolute: its id.
        page: address of the page that it is about.
        title, author: plain text.
        locale: language of all texts.
        entries: at least one, the newest first.
    """
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": locale})
    _add(feed, "id", address)
    _add(feed, "title", title)
    _add(feed, "updated", rfc3339(entries[0].at_ms))
    ET.SubElement(feed, f"{{{ATOM}}}link", {"rel": "self", "href": f"{address}?lang={quote(locale)}"})
    ET.SubElement(feed, f"{{{ATOM}}}link", {"rel": "alternate", "type": "text/html", "href": page})
    _add(ET.SubElement(feed, f"{{{ATOM}}}author"), "name", author)
    for entry in entries:
        _add_entry(feed, entry)
    text: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def _add_entry(feed: ET.Element, entry: FeedEntry) -> None:
    node = ET.SubElement(feed, f"{{{ATOM}}}entry")
    _add(node, "id", entry.address)
    _add(node, "title", entry.title)
    _add(node, "updated", rfc3339(entry.at_ms))
    ET.SubElement(node, f"{{{ATOM}}}link", {"rel": "alternate", "type": "text/html", "href": entry.address})
    _add(node, "summary", "\n".join(entry.lines))


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = _NOT_XML.sub("\ufffd", text)
