"""A service that shows everything that visitors can see, with the plain look and with one of a site's own."""

from __future__ import annotations

import re
from pathlib import Path

from support.live import LiveService
from support.policies import MANY_LANGUAGES

#: A look that has nothing in common with ours.
CUSTOM_THEME = '{accent: "#ffd166", background: "#2b1a3d", text: "#fdf3ff", border: "#8c6fb0", radius: 2px}'
#: The languages of the showcase: two scripts, two directions.
LANGUAGES = ("en", "ja", "ar")
#: Each site and its theme.
SITES = {"plain": "{}", "custom": CUSTOM_THEME}
#: Sets where the visitor is: the strictest of all rules, with every note, where it is left out.
PLACE_HEADER = "X-Visitor-Place"


class Showcase(LiveService):
    """Two sites of one policy, ``plain`` and ``custom``, in a few languages, beside the demo."""

    def __init__(self, folder: Path) -> None:
        header = {"COOKIEGATE_COUNTRY_HEADER": PLACE_HEADER, "COOKIEGATE_TRUSTED_PROXIES": "127.0.0.1"}
        super().__init__(folder, **header)
        text = MANY_LANGUAGES.read_text(encoding="utf-8").replace('"https://www.example.jp"]', f'"{self.url}"]')
        text = re.sub(r"locales: \[[^]]+\]", f"locales: [{', '.join(LANGUAGES)}]", text)
        for site, theme in SITES.items():
            policy = folder / f"{site}.yaml"
            named = text.replace("site: many-languages", f"site: {site}")
            policy.write_text(f"{named}\ntheme: {theme}\n", encoding="utf-8")
            self.process.policies += (policy,)
