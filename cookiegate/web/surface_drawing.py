"""What a visitor decides on, drawn ahead as static HTML: the elements that the widget and the preferences page make.

The widget draws in the browser; its templates here say the same once more, so that the record can keep what was shown.
``tests/browser/test_surfaces.py`` holds both equal, element by element and pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from cookiegate.web.bundle import page_style, widget_bundle
from cookiegate.web.notes import RegionNote
from cookiegate.web.notice_view import Notice, safe_url
from cookiegate.web.pages import form_view
from cookiegate.web.theme import theme_css
from cookiegate.web.wording import list_text, page_texts

_UNDECIDED = {"state": "undecided", "ask": True, "purposes": {}, "acquire": {}}


def draw_widget(notice: Notice, notes: Sequence[RegionNote] = ()) -> dict[str, str]:
    """The widget's layers for someone who has ticked nothing.

    Args:
        notice: the body of a notice.
        notes: what banner and dialog say besides where the visitor is.

    Returns:
        Layer → HTML: ``banner``; ``banner_asked_again``, with the line for someone who had answered an earlier
        version; ``dialog``; ``cover``, in place of a held frame, where ``{purpose}`` and ``{host}`` are the page's.
    """
    context = {**_widget_context(notice), "notes": notes}
    return {
        "banner": _draw("banner", context, asked_again=False),
        "banner_asked_again": _draw("banner", context, asked_again=True),
        "dialog": _draw("dialog", context),
        "cover": _draw("cover", context),
    }


def draw_preferences(notice: Notice) -> dict[str, str]:
    """The form of the preferences page for someone who has decided nothing, without its hidden fields.

    Returns:
        ``{"form": HTML}``.
    """
    form = form_view(notice, _UNDECIDED, {})
    return {"form": _draw("preferences", {"form": form, "t": page_texts(notice["locale"]), "texts": notice["texts"]})}


def widget_style(theme: Mapping[str, str]) -> str:
    """The widget's style sheet with a policy's theme, which the widget itself sets value by value."""
    values = "".join(f"--cg-{key.replace('_', '-')}:{theme[key]};" for key in sorted(theme))
    return widget_bundle().style + (f"\n.cg-root{{{values}}}" if values else "")


def preferences_style(theme: Mapping[str, str]) -> str:
    """The style sheets of the preferences page."""
    return page_style() + theme_css(theme)


def _widget_context(notice: Notice) -> dict[str, Any]:
    site, lang = quote(str(notice["site"]), safe=""), f"?lang={quote(notice['locale'])}"
    return {
        "notice": notice,
        "texts": notice["texts"],
        "policy": safe_url(notice["links"].get("policy")) or f"/notice/{site}{lang}",
        "preferences": f"/preferences/{site}{lang}",
        "record": f"/preferences/{site}/record{lang}",
        "purposes": [_purpose(notice, purpose) for purpose in notice["purposes"]],
    }


def _purpose(notice: Notice, purpose: Mapping[str, Any]) -> dict[str, Any]:
    used = [item["title"] for item in notice["acquire"] if item["key"] in purpose["acquire"]]
    recipients = [{**item, "url": safe_url(item["url"])} for item in purpose["recipients"]]
    return {**purpose, "uses": list_text(used, notice["locale"]), "recipients": recipients}


def _draw(name: str, context: Mapping[str, Any], **more: Any) -> str:
    return _environment().get_template(f"surfaces/{name}.html").render(**context, **more).strip()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """As the application's own: the preferences page includes the template that is drawn here."""
    return Environment(
        loader=PackageLoader("cookiegate.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
