"""Every file of texts in every language, looked at for what its readers would meet: ``make check`` runs this.

A folder of texts has a file per language. English decides which keys there are and which words in braces each text
has; a fault names file and key.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cookiegate.policy.source import parse_source
from cookiegate.policy.tags import written

ROOT = Path(__file__).parents[2]
#: The languages that banner and pages speak.
LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "ga", "he", "hi", "hr",
    "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl",
    "sv", "th", "tr", "uk", "ur", "vi", "zh", "zh-TW",
)  # fmt: skip
BANNER = "cookiegate/policy/texts"
PAGES = "cookiegate/web/texts"
#: A folder of mails for each language.
MAILS = "cookiegate/rights/requests/mails"
#: The folders with texts in each of them.
WHOLE = (
    BANNER,
    PAGES,
    MAILS,
    "cookiegate/web/history_texts",
    "cookiegate/web/record_texts",
    "cookiegate/web/request_page_texts",
    "cookiegate/rights/requests/texts",
)
#: Every folder with a file of texts per language. (An auditor's evidence is in English and Japanese.)
FOLDERS = (*WHOLE, "cookiegate/web/evidence/texts")
#: What these languages have in common with English, by text.
SAME_AS_ENGLISH: dict[str, tuple[str, ...]] = {
    "Browser": ("da", "de", "nl"),
    "Code": ("de", "nl"),
    "E-mail": ("cs", "da", "hu", "it", "nl", "pl", "ro", "sk"),
    "File": ("it",),
    "Japan": ("da", "de", "hr", "is", "nb", "nl", "sv"),
    "Name": ("de",),
    "Number": ("et",),
    "Operator": ("ro",),
    "Site": ("fr", "nl", "ro", "tr"),
    "Text": ("ca", "cs", "de", "ro", "sk", "sv"),
    "United Kingdom": ("ms",),
    "Version {version}": ("da", "fr", "sv"),
    "Website": ("de", "nl"),
}
#: What no language translates: names of files, and what a program prints.
_UNTRANSLATED = re.compile(r"\w+\.(?:json|py)|ok|FAIL")
#: How the characters of a script begin their names in Unicode.
_SCRIPTS = {
    "Arab": "ARABIC", "Beng": "BENGALI", "Cyrl": "CYRILLIC", "Deva": "DEVANAGARI", "Grek": "GREEK", "Hang": "HANGUL",
    "Hans": "CJK", "Hant": "CJK", "Hebr": "HEBREW", "Jpan": "", "Kore": "HANGUL", "Latn": "LATIN", "Thai": "THAI",
}  # fmt: skip
#: Encodings that hold the characters of one way of writing Chinese alone.
_CHINESE = {"Hans": "gb2312", "Hant": "big5"}
_PLACEHOLDER = re.compile(r"\{\w+\}")
_MARKUP = re.compile(r"[<>]|&#?\w+;")


def faults(folder: str, root: Path = ROOT) -> list[str]:
    """Everything that is wrong with the texts of a folder, a sentence each with file and key."""
    paths = sorted(path for path in (root / folder).iterdir() if path.is_dir() or path.suffix == ".yaml")
    english, _ = _read(next(path for path in paths if path.stem == "en"))
    return [f"{folder}/{path.name}: {fault}" for path in paths for fault in _language(path, english)]


def missing(folder: str, root: Path = ROOT) -> list[str]:
    """The languages of ours that a folder lacks."""
    there = {path.stem for path in (root / folder).iterdir()}
    return [f"{folder}: {tag} is missing" for tag in LANGUAGES if tag not in there]


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The texts of one language by key, and why they cannot be read."""
    if path.is_dir():
        return {mail.name: mail.read_text(encoding="utf-8") for mail in path.iterdir()}, []
    text = path.read_text(encoding="utf-8")
    source = parse_source(text)
    unreadable = [f"line {fault.line}: {fault.message}" for fault in source.faults]
    if not unreadable and msgspec.yaml.decode(text) != source.data:
        unreadable.append("holds a word that YAML 1.1 takes for something else, such as an unquoted no: quote it")
    return _leaves(source.data), unreadable


def _language(path: Path, english: Mapping[str, Any]) -> Iterator[str]:
    texts, unreadable = _read(path)
    if unreadable:
        yield from unreadable
        return
    tag = path.stem
    yield from (f"{key}: is missing" for key in english if key not in texts)
    yield from (f"{key}: is not known" for key in texts if key not in english)
    for key, text in texts.items():
        if key in english:
            yield from (f"{key}: {fault}" for fault in _text(text, english[key], tag))
    yield from _whole(" ".join(map(str, texts.values())), tag)


def _text(text: Any, english: Any, tag: str) -> Iterator[str]:
    if not isinstance(text, str):
        yield "is no text"
        return
    if not text.strip():
        yield "is empty"
    if _words(text) and text != text.strip() and english == english.strip():
        yield "begins or ends with a space"
    if sorted(_PLACEHOLDER.findall(text)) != sorted(_PLACEHOLDER.findall(english)):
        yield f"fills in {_PLACEHOLDER.findall(text)} instead of {_PLACEHOLDER.findall(english)}"
    if text.startswith("Subject: ") != english.startswith("Subject: "):
        yield "begins with `Subject: ` where the English text does, and only there"
    if _MARKUP.search(text) or re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        yield "holds markup or stray braces"
    if any(unicodedata.category(char) in ("Cc", "Cn", "Co") or char == "\ufffd" for char in text.replace("\n", "")):
        yield "holds a character that is none"
    if unicodedata.normalize("NFC", text) != text:
        yield "is not in Unicode's usual form (NFC)"
    if not _words(text) or _UNTRANSLATED.fullmatch(text) or tag in SAME_AS_ENGLISH.get(text, ()):
        return
    if tag != "en" and text == english:
        yield f"is the English text ({text!r})"
    elif not _is_in_script(text, tag):
        yield f"is not in the script of the language ({text!r})"


def _whole(text: str, tag: str) -> Iterator[str]:
    """What the texts together show: whether Chinese is written in the one way and not in the other."""
    encoding = _CHINESE.get(written(tag)[1])
    if encoding:
        known = "".join(char for char in text if unicodedata.name(char, "").startswith("CJK UNIFIED"))
        strange = sorted({char for char in known if not char.encode(encoding, "ignore")})
        if strange:
            yield f"mixes both ways of writing Chinese: {''.join(strange)}"


def _words(text: str) -> str:
    return "".join(char for char in _PLACEHOLDER.sub("", text) if char.isalpha())


def _is_in_script(text: str, tag: str) -> bool:
    prefix = _SCRIPTS[written(tag)[1]]
    return any(unicodedata.name(char, "").startswith(prefix) for char in _words(text))


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        inner = (_leaves(item, f"{path}.{key}") for key, item in value.items())
    elif isinstance(value, list):
        inner = (_leaves(item, f"{path}[{number}]") for number, item in enumerate(value))
    else:
        return {path.removeprefix("."): value}
    return {key: leaf for leaves in inner for key, leaf in leaves.items()}


if __name__ == "__main__":
    found = [fault for folder in WHOLE for fault in missing(folder)]
    found += [fault for folder in FOLDERS for fault in faults(folder)]
    sys.stderr.write("".join(f"{line}\n" for line in found))
    sys.exit(bool(found))
