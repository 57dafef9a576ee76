"""Which of several languages comes nearest to a wanted one: also where script or country decide, and for old tags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from babel.core import get_global

_LONGEST_TAG = 35
#: Norwegian readers read Bokmål; the others are codes that browsers and systems still send for what was renamed.
_READS_AS = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "ji": "yi", "mo": "ro", "tl": "fil"}
#: Where Chinese is written with the characters of old.
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")


def nearest(offered: tuple[str, ...], wanted: str, *, any_script: bool = True) -> str | None:
    """The offered tag that suits a reader of ``wanted`` best.

    Args:
        offered: language tags, the preferred ones first.
        wanted: a language tag, as it came.
        any_script: whether the same language in another script is better than nothing.

    Returns:
        The tag itself, a shorter form of it, or the first of the same language and script: ``zh-TW`` for ``zh-HK``,
        ``nb`` for ``nn``, ``he`` for ``iw-IL``. None when there is no such language.

    Source: RFC 4647, section 3.4 (lookup); CLDR, likely subtags and language aliases.
    """
    index = _index(offered)
    tag = wanted[:_LONGEST_TAG].lower()
    if exact := index.by_name.get(tag):
        return exact
    form, parts = written(tag), tag.split("-")
    for length in range(len(parts) - 1, 0, -1):
        found = index.by_name.get("-".join(parts[:length]))
        if found and written(found) == form:
            return found
    return index.by_form.get(form) or (index.by_language.get(form[0]) if any_script else None)


@lru_cache(maxsize=1_024)
def written(tag: str) -> tuple[str, str]:
    """The language and the script that a reader of a tag reads, such as ``("zh", "Hant")`` for ``zh-HK``."""
    first, *rest = tag.lower().split("-")
    language = _READS_AS.get(first, first)
    script = next((part.title() for part in rest if len(part) == 4 and part.isalpha()), None)
    region = next((part.upper() for part in rest if len(part) == 2), "")
    return language, script or _likely_script(language, region)


def _likely_script(language: str, region: str) -> str:
    likely = get_global("likely_subtags")
    full = likely.get(f"{language}_{region}") or likely.get(language) or ""
    return next((part for part in full.split("_")[1:] if len(part) == 4), "")


def names_of(offered: tuple[str, ...]) -> dict[str, str | None]:
    """What a page may call each offered language, for a look-up that only cuts subtags off the end.

    Args:
        offered: language tags, the preferred ones first.

    Returns:
        By name in lower case, the tag: its own names, the language alone, codes of old, and for Chinese the places
        where one of its two ways of writing is usual. None: the language is there, but not as it is written there.
    """
    index = _index(offered)
    names: dict[str, str | None] = {**index.by_language, **index.by_name}
    names |= {old: names[new] for old, new in _READS_AS.items() if new in names and old not in names}
    if "zh" in names:
        traditional = index.by_form.get(("zh", "Hant"))
        names |= dict.fromkeys(_TRADITIONAL, traditional) | {"zh": index.by_form.get(("zh", "Hans"))} | index.by_name
    return names


@dataclass(frozen=True, slots=True)
class _Index:
    """The offered tags; where several share a key, the first of them."""

    by_name: dict[str, str]
    by_form: dict[tuple[str, str], str]
    by_language: dict[str, str]


@lru_cache(maxsize=256)
def _index(offered: tuple[str, ...]) -> _Index:
    backwards = offered[::-1]
    return _Index(
        {tag.lower(): tag for tag in backwards},
        {written(tag): tag for tag in backwards},
        {written(tag)[0]: tag for tag in backwards},
    )
