"""Who is compared: what each needs in a page, what of it a visitor downloads, and where its layers are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SETUP = "setup.js"
#: The strictest policy under which scripts of the page's own origin run.
STRICT = "default-src 'none'; script-src 'self'; connect-src 'self'"


@dataclass(frozen=True, slots=True)
class Contender:
    """One banner.

    ``head`` goes into its page; ``files`` are served beside the page, by name to where they lie in ``node_modules``.
    ``banner``, ``opener`` and ``dialog`` are CSS selectors. ``csp`` is what it asks for beyond scripts of its own.
    ``has_purposes`` is false of a bare notice: its bytes buy less, and are shown but not held against ours.
    """

    key: str
    name: str
    package: str
    head: str
    banner: str
    opener: str = ""
    dialog: str = ""
    body: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    csp: str = ""
    has_purposes: bool = True

    @property
    def strict(self) -> str:
        """The content security policy of its strict page."""
        return f"{STRICT}; {self.csp}" if self.csp else STRICT


OURS = Contender(
    "ours", "**cookiegate**", "",
    '<script async fetchpriority="high" src="/w/demo.en.js"></script>',
    ".cg-bar", '.cg-bar button:text-is("Choose")', ".cg-dialog[open]",
)  # fmt: skip
#: The page itself: what the browser does for it is no banner's cost.
BARE = Contender("bare", "no banner", "", "", "main")
PEERS = (
    Contender(
        "vanilla", "vanilla-cookieconsent", "vanilla-cookieconsent",
        f'<link rel="stylesheet" href="cookieconsent.css"><script defer src="cookieconsent.umd.js"></script>'
        f'<script defer src="{SETUP}"></script>',
        "#cc-main .cm", '#cc-main .cm [data-role="show"]', "#cc-main .pm",
        files={
            "cookieconsent.css": "vanilla-cookieconsent/dist/cookieconsent.css",
            "cookieconsent.umd.js": "vanilla-cookieconsent/dist/cookieconsent.umd.js",
        },
        csp="style-src 'self'",
    ),
    Contender(
        "klaro", "Klaro", "klaro",
        f'<script defer src="{SETUP}"></script><script defer src="klaro.js"></script>',
        ".klaro .cookie-notice", ".klaro .cookie-notice .cn-learn-more", ".klaro .cm-modal",
        files={"klaro.js": "klaro/dist/klaro.js"},
    ),
    Contender(
        "tarteaucitron", "tarteaucitron", "tarteaucitronjs",
        f'<script defer src="tarteaucitron.min.js"></script><script defer src="{SETUP}"></script>',
        "#tarteaucitronAlertBig", "#tarteaucitronCloseAlert", "#tarteaucitron",
        files={
            name: f"tarteaucitronjs/{name}"
            for name in (
                "tarteaucitron.min.js", "tarteaucitron.services.min.js", "css/tarteaucitron.min.css",
                "lang/tarteaucitron.en.min.js",
            )
        },
        csp="style-src 'self'",
    ),
    Contender(
        "c15t", "c15t (React)", "@c15t/react",
        '<link rel="stylesheet" href="c15t.css"><script defer src="c15t.js"></script>',
        '[data-testid="consent-banner-card"]', '[data-testid="consent-banner-customize-button"]',
        '[data-testid="consent-dialog-card"]',
        body='<div id="c15t"></div>',
        csp="style-src 'self'",
    ),
    Contender(
        "orejime", "Orejime", "orejime",
        f'<link rel="stylesheet" href="orejime-standard.css"><script defer src="{SETUP}"></script>'
        '<script defer src="orejime-standard-en.js"></script>',
        ".orejime-Banner", ".orejime-Banner-learnMoreButton", ".orejime-Modal",
        files={
            "orejime-standard.css": "orejime/dist/orejime-standard.css",
            "orejime-standard-en.js": "orejime/dist/orejime-standard-en.js",
        },
        csp="style-src 'self'",
    ),
    Contender(
        "osano", "Osano cookieconsent", "cookieconsent",
        f'<link rel="stylesheet" href="cookieconsent.min.css"><script defer src="cookieconsent.min.js"></script>'
        f'<script defer src="{SETUP}"></script>',
        ".cc-window",
        files={
            "cookieconsent.min.css": "cookieconsent/build/cookieconsent.min.css",
            "cookieconsent.min.js": "cookieconsent/build/cookieconsent.min.js",
        },
        csp="style-src 'self'",
        has_purposes=False,
    ),
)  # fmt: skip


def versions(contenders: Sequence[Contender]) -> dict[str, str]:
    """By key, the version that npm installed; nothing for ours."""
    return {
        each.key: str(json.loads((MODULES / each.package / "package.json").read_text(encoding="utf-8"))["version"])
        for each in contenders
        if each.package
    }
