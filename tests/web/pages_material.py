"""What the tests of the pages share: a real notice, consents, and a strict template environment."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from support.frameworks import VENDOR_LIST

from cookiegate.consent.device import read_device
from cookiegate.policy.notice import build_notice
from cookiegate.policy.pages import Tcf
from cookiegate.policy.reading import load_policy
from cookiegate.web.guidance import guidance_for
from cookiegate.web.iab import VendorList
from cookiegate.web.pages import Flash, notice_page, preferences_page
from cookiegate.web.vendor_view import vendors_page

ROOT = Path(__file__).resolve().parents[2]
POLICY = load_policy(ROOT / "examples" / "policies" / "demo.yaml")
LOCALES = ("ja", "en")
KEY = "0123456789abcdef0123456789abcdef"
#: What the demo policy's purposes stand for.
TCF = Tcf(300, 1, {"analytics": (1, 8, 9), "advertising": (1, 2, 3, 7)}, special_features={"advertising": (1,)})
UI = "0123456789abcdef" * 4
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(ROOT / "cookiegate" / "web" / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def notice(locale: str = "ja") -> dict[str, Any]:
    """The demo policy's notice, free to change."""
    return copy.deepcopy(dict(build_notice(POLICY, 3, locale).body))


def consent(state: str = "undecided", **changes: Any) -> dict[str, Any]:
    """A CONSENT object of the API; granted means analytics with device and language."""
    granted = state == "granted"
    decided = state != "undecided"
    return {
        "site": "demo",
        "state": state,
        "ask": not decided,
        "ask_reason": None if decided else "undecided",
        "policy_version": 3 if decided else None,
        "current_policy_version": 3,
        "epoch": 4 if decided else 0,
        "purposes": {item.key: granted and item.key == "analytics" for item in POLICY.optional_purposes},
        "acquire": {key: granted and key in ("device", "language") for key in POLICY.optional_categories},
        "decided_at": "2026-11-20T03:12:44.120Z" if decided else None,
        "expires_at": "2027-05-19T03:12:44.120Z" if decided else None,
        **changes,
    }


def render(template: str, context: dict[str, Any]) -> str:
    """A page, where a text that is missing is an error."""
    return _ENVIRONMENT.get_template(template).render(context)


def preferences(
    locale: str = "ja",
    holding: dict[str, Any] | None = None,
    *,
    body: dict[str, Any] | None = None,
    agent: str = CHROME,
    flash: Flash | None = None,
) -> str:
    """The preferences page of the demo policy."""
    guidance = guidance_for(read_device(agent), locale)
    page = preferences_page(
        body or notice(locale), holding or consent(), guidance, locales=LOCALES, idempotency_key=KEY, ui=UI, flash=flash
    )
    return render("preferences.html", page)


def full_notice(locale: str = "ja", body: dict[str, Any] | None = None) -> str:
    """The notice page of the demo policy."""
    page = notice_page(body or notice(locale), locales=LOCALES, published_at="2026-11-01T00:00:00.000Z")
    return render("notice.html", page)


def vendors(locale: str = "ja", body: dict[str, Any] | None = None, listed: dict[str, Any] | None = None) -> str:
    """The vendors page of the demo policy, with the invented list."""
    found = listed or VendorList(VENDOR_LIST).listed(None)
    return render("vendors.html", vendors_page(body or notice(locale), found, TCF, locales=LOCALES))


class Outline(HTMLParser):
    """A page as tests look at it. Badly nested tags fail at once."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is written on the page, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such element."""
        return [attributes for name, attributes in self.tags if name == tag]
