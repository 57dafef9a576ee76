"""``evidence.html``: the evidence of one decision as a page that is complete in itself, on paper as well."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cookiegate.shipped import read_shipped
from cookiegate.web.evidence.view import Document, describe
from cookiegate.web.wording import languages, shipped_language

#: The result of each check: its name, and what is wrong or None.
Results = Sequence[tuple[str, str | None]]

_FOLDER = "evidence/texts"
#: Languages of the page's own words.
LANGUAGES = languages(_FOLDER)


def draw_evidence(evidence: Document, results: Results, lang: str) -> str:
    """The page.

    Args:
        evidence: what was gathered, the content of ``evidence.json``.
        results: what the checks of ``check.py`` said of it.
        lang: the language of the page's own words; what was shown stays as it was shown.

    Returns:
        HTML that loads nothing, runs nothing, and forbids both by a policy of its own.
    """
    lang = shipped_language(lang, _FOLDER)
    texts = evidence_texts(lang)
    view = describe(evidence, texts, lang)
    style, json_text, script = _resource("page.css"), evidence_json(evidence), script_text()
    return (
        _environment()
        .get_template("evidence.html")
        .render(
            **view,
            lang=lang,
            t=texts,
            evidence=evidence,
            results=results,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=_content_policy([style, *(frame.style for frame in view["frames"])]),
            script=script,
            json_text=json_text,
            downloads={"json": _data_url(json_text, "application/json"), "script": _data_url(script, "text/x-python")},
        )
    )


def evidence_json(evidence: Document) -> str:
    """The content of ``evidence.json``."""
    return json.dumps(evidence, ensure_ascii=False, indent=1) + "\n"


def script_text() -> str:
    """The content of ``check.py``."""
    return _resource("check.py")


@cache
def evidence_texts(lang: str) -> Mapping[str, str]:
    """The page's words in the language that fits ``lang``."""
    texts: Mapping[str, str] = read_shipped("cookiegate.web", f"{_FOLDER}/{shipped_language(lang, _FOLDER)}.yaml")
    return texts


def _content_policy(styles: Sequence[str]) -> str:
    """Nothing is loaded, nothing runs; of styles only those that are meant, here and in the frames."""
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in styles}
    return f"default-src 'none'; style-src {' '.join(sorted(hashes))}; base-uri 'none'; form-action 'none'"


def _data_url(text: str, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


@cache
def _resource(name: str) -> str:
    return files("cookiegate.web.evidence").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cookiegate.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
