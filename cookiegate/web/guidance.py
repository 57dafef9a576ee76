"""How to refuse cookies in the visitor's own browser, chosen by the device, in the visitor's language.

The words are data, in ``browsers/<language>.yaml``; ``docs/reference/browser-guidance.md`` is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cookiegate.consent.device import Device
from cookiegate.web.wording import texts_in

OTHER = "other"
IN_APP = "in_app"
#: Browser families by system, as ua-parser names them. A system without a row of its own counts as a computer.
_BY_SYSTEM: dict[str, dict[str, str]] = {
    "iOS": {
        "Mobile Safari": "safari_ios",
        "Chrome Mobile iOS": "chrome_ios",
        "Firefox iOS": "firefox_ios",
        "Edge Mobile": "edge_mobile",
    },
    "Android": {
        "Chrome": "chrome_android",
        "Chrome Mobile": "chrome_android",
        "Firefox Mobile": "firefox_android",
        "Edge": "edge_mobile",
        "Edge Mobile": "edge_mobile",
        "Samsung Internet": "samsung_internet",
    },
}
_ON_COMPUTERS = {
    "Chrome": "chrome_desktop",
    "Chromium": "chrome_desktop",
    "HeadlessChrome": "chrome_desktop",
    "Safari": "safari_macos",
    "Firefox": "firefox_desktop",
    "Edge": "edge_desktop",
    "Samsung Internet": "samsung_internet",
}


@dataclass(frozen=True, slots=True)
class Guidance:
    """The way to refuse cookies in one browser.

    Args:
        key: stable key of the browser, such as ``safari_ios``.
        browser_name: its name for people.
        steps: sentences, in order.
        consequence: what will then not work (S9).
        help_url: the maker's own page, https, or None where there is none worth a link.
    """

    key: str
    browser_name: str
    steps: tuple[str, ...]
    consequence: str
    help_url: str | None


def browser_key(device: Device) -> str:
    """The key of the guidance that fits this device; ``other`` when none does."""
    if device.embedded:
        return IN_APP
    return _BY_SYSTEM.get(device.os, _ON_COMPUTERS).get(device.browser, OTHER)


def guidance_for(device: Device, locale: str) -> Guidance:
    """How to refuse cookies in the browser that this visitor uses.

    Args:
        device: what the ``User-Agent`` said.
        locale: a language tag; English when it is not one of the shipped languages.
    """
    return _catalogue(locale)[browser_key(device)]


def all_guidance(locale: str) -> tuple[Guidance, ...]:
    """Every browser's guidance in one language, in the order in which pages list them."""
    return tuple(_catalogue(locale).values())


def other_guidance(shown: Guidance, locale: str) -> tuple[Guidance, ...]:
    """Everything but the guidance that is already shown."""
    return tuple(item for item in all_guidance(locale) if item.key != shown.key)


def _catalogue(locale: str) -> dict[str, Guidance]:
    document = texts_in("browsers", locale)
    return {key: _guidance(key, entry, document["consequence"]) for key, entry in document["browsers"].items()}


def _guidance(key: str, entry: dict[str, Any], consequences: dict[str, str]) -> Guidance:
    return Guidance(
        key=key,
        browser_name=str(entry["name"]),
        steps=tuple(entry["steps"]),
        consequence=consequences[entry["consequence"]],
        help_url=str(entry["help_url"]) if entry["help_url"] else None,
    )
