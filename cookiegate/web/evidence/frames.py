"""What was shown, shown again: each layer in a frame of its own that runs nothing and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The window of a visitor's kind of device, CSS pixels.
WINDOWS = {"phone": (390, 844), "tablet": (820, 1180)}
DESKTOP = (1280, 800)
#: What the frames add to the kept styles: a quiet page behind, no fading in, and that it is printed too.
_ADDED = """
html,body{min-height:100%}
body{margin:0;background:#e9ecef}
.cg-root.cg-root{animation:none}
@media print{
.cg-bar.cg-root.cg-root{display:grid!important}.cg-dialog.cg-root.cg-root{display:flex!important}
*{print-color-adjust:exact!important;-webkit-print-color-adjust:exact!important}
}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """One layer: ``document`` is for ``srcdoc``, ``text`` the same elements to be read in full where they stand.

    ``device`` and ``look`` choose the window; of a ``low`` one only the lower part is of interest.
    """

    title: str
    device: str
    look: str
    width: int
    height: int
    document: str
    text: str
    style: str


def frames_of(
    surface: Mapping[str, Any], style: str, record: Mapping[str, Any], texts: Mapping[str, str]
) -> list[Frame]:
    """The layers that the visitor decided on.

    Args:
        surface: the kept document of what was shown.
        style: its style sheet.
        record: of the decision; the kind of device gives the window.
        texts: words for the titles.
    """
    kind = (record.get("device") or {}).get("kind")
    device = kind if kind in WINDOWS else "desktop"
    width, height = WINDOWS.get(device, DESKTOP)
    full = f"{style}\n{_ADDED}".replace("\r", "").replace("</", "<\\/")

    def frame(title: str, markup: str, *, is_whole: bool) -> Frame:
        return Frame(
            title=title,
            device=device,
            look="low" if is_whole else "",
            width=width,
            height=height,
            document=_document(surface["locale"], full, markup),
            text="" if is_whole else _unrolled(markup),
            style=full,
        )

    html = surface["html"]
    if surface["surface"] == "preferences":
        page = f'<main class="surface">{html["form"]}</main>'
        return [frame(texts["layer_form"], page, is_whole=False)]
    return [
        frame(texts["layer_banner"], html["banner"], is_whole=True),
        frame(texts["layer_dialog"], html["dialog"], is_whole=False),
    ]


def _document(locale: str, style: str, markup: str) -> str:
    markup = markup.replace(' autofocus=""', "")  # it would take the reader's place in the page
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8"><style>{style}</style></head>'
        f'<body class="page">{markup}</body></html>'
    )


def _unrolled(markup: str) -> str:
    """The elements of a layer in the page's own flow: a dialog there would lie over it."""
    for tag in ("dialog", "main"):
        markup = markup.replace(f"<{tag} ", "<div ").replace(f"</{tag}>", "</div>")
    return markup
