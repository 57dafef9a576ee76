"""``make widget-gallery``: all that visitors see, in every state and theme, three languages, two sizes, on one page.

The pictures and ``index.html`` go to this folder; the page needs nothing else. They are made to be looked at: by
whoever changes how something looks, and by whoever wants to know what their visitors will see.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright
from support.browsers import ARGUMENTS, CHROMIUM, EXPECT_MS
from support.showcase import LANGUAGES, PLACE_HEADER, Showcase
from support.visits import BANNER, CORNER, DIALOG, STATUS

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
LARGEST_BYTES = 3_000_000
QUALITY = 0.6
#: Each theme, with the site that has it and what the browser is told.
THEMES: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("plain", {}),
    "dark": ("plain", {"color_scheme": "dark"}),
    "forced-colours": ("plain", {"forced_colors": "active"}),
    "custom": ("custom", {}),
}
NAMES = dict(zip(LANGUAGES, ("English", "日本語", "العربية"), strict=True))
#: Each size, and how much smaller its picture is.
SIZES = {"320 × 480": (320, 480, 1.0), "1280 × 800": (1280, 800, 0.5)}
STATES = {
    "banner": "The banner",
    "notes": "The banner with a signal and a region's notes",
    "dialog": "The dialog",
    "dialog-end": "The dialog's end",
    "placeholders": "What stands in for held boxes",
    "saved": "The choice is saved",
    "corner": "The standing control",
    "preferences": "The preferences page",
    "notice": "The notice page",
}
SIGNAL = """if (location.search === "?signal")
  Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true });"""
TO_WEBP = """async ([picture, scale, quality]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width * scale, image.height * scale];
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""
SHOP = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Aoba Store</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<style>
  html {{ --page: light-dark(#f4f1ec, #14171a); --top: light-dark(#fff, #1d2125) }}
  body {{ margin: 0; font: 16px/1.5 system-ui; background: var(--page); color: light-dark(#2b2620, #ddd) }}
  header {{ padding: 14px 20px; background: var(--top); font-weight: 700 }}
  main {{ display: grid; gap: 16px; padding: 16px 20px }}
  main {{ grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr)) }}
  main > div {{ height: 150px; border-radius: 8px; background: light-dark(#e2dacd, #2a2f35) }}
  iframe, img {{ box-sizing: border-box; width: 100%; height: 300px; border: 0; background: var(--top) }}
  img {{ height: 150px }}
  .wide {{ grid-column: 1 / -1; display: grid; gap: 16px; grid-template-columns: 2fr 1fr }}
  main > .wide {{ background: none; height: auto }}
  @media (max-width: 600px) {{ .wide {{ grid-template-columns: 1fr }} iframe {{ height: 230px }} }}
</style><script async src="/w/{site}.{lang}.js{more}"></script></head>
<body><header>Aoba Store</header><main>{held}{cards}</main></body></html>"""
HELD = """<div class="wide">
<iframe title="Video" data-consent="media" data-src="https://video.example/watch"></iframe>
<img alt="Map" data-consent="media" data-src="https://maps.example/tile.png"></div>"""


@dataclass(frozen=True)
class Visitor:
    """One theme, language and size."""

    theme: str
    lang: str
    size: str

    def name(self, state: str) -> str:
        """The file of a state's picture."""
        return f"{state}-{self.theme}-{self.lang}-{SIZES[self.size][0]}.webp"


def visitors() -> Iterator[Visitor]:
    """Everybody who is drawn."""
    for theme in THEMES:
        for size in SIZES:
            for lang in LANGUAGES:
                yield Visitor(theme, lang, size)


class Studio:
    """Takes one visitor's pictures."""

    def __init__(self, browser: Browser, service: Showcase, darkroom: Page, visitor: Visitor) -> None:
        width, height, self._scale = SIZES[visitor.size]
        self._site, told = THEMES[visitor.theme]
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            extra_http_headers={PLACE_HEADER: "DE"},
            **told,
        )
        self._context.add_init_script(SIGNAL)
        self._visitor = visitor
        self._service = service
        self._darkroom = darkroom
        self.page = self._context.new_page()

    def shop(self, held: str = "", place: str = "DE", more: str = "") -> None:
        """Opens a page of the site, and waits for the banner."""
        lang = self._visitor.lang
        self.page.set_extra_http_headers({PLACE_HEADER: place})
        direction = "rtl" if lang == "ar" else "ltr"
        page = SHOP.format(lang=lang, dir=direction, site=self._site, more=more, held=held, cards="<div></div>" * 6)
        self.page.goto(self._service.page(page) + more)
        self.page.wait_for_function("() => window.cookiegate")

    def visit(self, page: str) -> None:
        """Opens one of the service's own pages."""
        self.page.goto(f"{self._service.url}/{page}/{self._site}?lang={self._visitor.lang}")

    def take(self, state: str) -> None:
        """Takes what is to be seen."""
        self.page.mouse.move(1, 1)
        picture = base64.b64encode(self.page.screenshot()).decode()
        small = self._darkroom.evaluate(TO_WEBP, [picture, self._scale, QUALITY])
        (PICTURES / self._visitor.name(state)).write_bytes(base64.b64decode(small))

    def close(self) -> None:
        """Ends the visit."""
        self._context.close()


def tour(studio: Studio) -> None:
    """Every state, in the order in which a visitor may meet them."""
    page = studio.page
    banner, dialog = page.locator(BANNER), page.locator(DIALOG)
    studio.shop(place="JP", more="?signal")
    expect(banner).to_be_visible()
    studio.take("notes")
    studio.shop()
    expect(banner).to_be_visible()
    studio.take("banner")
    banner.get_by_role("button").nth(2).click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("switch").first.check()
    dialog.get_by_role("heading").first.focus()
    dialog.locator(".cg-scroll").evaluate("(part) => part.scrollTo(0, 0)")
    studio.take("dialog")
    dialog.locator(".cg-scroll").evaluate("(part) => part.scrollTo(0, part.scrollHeight)")
    studio.take("dialog-end")
    page.keyboard.press("Escape")
    studio.shop(HELD)
    expect(page.locator(".cg-cover")).to_be_visible()
    banner.get_by_role("button").last.click()
    studio.take("placeholders")
    studio.shop()
    banner.get_by_role("button").nth(1).click()
    expect(page.locator(STATUS)).not_to_be_empty()
    studio.take("saved")
    studio.shop()
    expect(page.locator(CORNER)).to_be_visible()
    studio.take("corner")
    for name in ("preferences", "notice"):
        studio.visit(name)
        studio.take(name)


#: What can be hidden: its name, and its values in the order in which they are numbered.
KINDS = {"theme": list(THEMES), "lang": list(NAMES.values()), "size": list(SIZES)}


def figure(state: str, visitor: Visitor) -> str:
    """One picture with what it shows."""
    width, height, scale = SIZES[visitor.size]
    told = {"theme": visitor.theme, "lang": NAMES[visitor.lang], "size": visitor.size}
    said = escape(", ".join(told.values()))
    classes = " ".join(f"{kind}-{KINDS[kind].index(value)}" for kind, value in told.items())
    return (
        f'<figure class="{classes}"><img loading="lazy" src="pictures/{visitor.name(state)}"'
        f' width="{width * scale:.0f}" height="{height * scale:.0f}" alt="{escape(STATES[state])}: {said}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def page_of_all() -> str:
    """The gallery: the states below each other, and in each of them the themes beside each other."""
    numbered = [(f"{kind}-{place}", value) for kind, values in KINDS.items() for place, value in enumerate(values)]
    choices = "".join(
        f'<label><input type="checkbox" checked data-shows="{name}"> {escape(value)}</label>'
        for name, value in numbered
    )
    hiding = "\n".join(
        f'body:has([data-shows="{name}"]:not(:checked)) .{name} {{ display: none }}' for name, _ in numbered
    )
    parts = "".join(
        f'<section id="{state}"><h2>{escape(title)}</h2><div>'
        f"{''.join(figure(state, visitor) for visitor in visitors())}</div></section>\n"
        for state, title in STATES.items()
    )
    links = " ".join(f'<a href="#{state}">{escape(title)}</a>' for state, title in STATES.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>What visitors see</title>
<style>
body {{ margin: 0 auto; max-width: 1400px; padding: 20px; font: 16px/1.5 system-ui; color-scheme: light dark }}
nav, form, section > div {{ display: flex; flex-wrap: wrap; gap: 8px 20px }}
form {{ position: sticky; top: 0; padding: 10px 0; background: canvas }}
figure {{ margin: 0 0 16px }}
img {{ display: block; border: 1px solid #8888 }}
figcaption {{ font-size: 13px }}
{hiding}
</style></head>
<body><h1>What visitors see</h1>
<p>Made by <code>make widget-gallery</code> from <code>examples/policies/many-languages.yaml</code>.</p>
<nav>{links}</nav>
<form>{choices}</form>
{parts}</body></html>
"""


def main() -> None:
    """Takes them all."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    expect.set_options(timeout=EXPECT_MS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Showcase(Path(folder))
        service.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, "--hide-scrollbars"])
        darkroom = browser.new_page()
        for visitor in visitors():
            studio = Studio(browser, service, darkroom, visitor)
            tour(studio)
            studio.close()
            print(*(visitor.theme, visitor.size, visitor.lang))
        browser.close()
        service.close()
    (HERE / "index.html").write_text(page_of_all(), encoding="utf-8")
    weight = sum(file.stat().st_size for file in PICTURES.iterdir())
    print(len(list(PICTURES.iterdir())), "pictures,", weight, "bytes")
    assert weight <= LARGEST_BYTES, "too large for the repository"


if __name__ == "__main__":
    main()
