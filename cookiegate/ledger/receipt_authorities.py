"""Under which law a controller stands, and which authority takes a complaint about it.

Source: APPI, article 1 and chapter VI; GDPR, articles 51 and 77; W3C DPV 2.3 with its extensions for countries' laws.
"""

from __future__ import annotations

from cookiegate.policy.countries import EEA

#: Data of people in the Union, whoever answers for it.
EU = "EU"
_GDPR = "legal-eu:law-GDPR"
_LAWS = {"JP": "legal-jp:law-APPI", EU: _GDPR, **dict.fromkeys(EEA, _GDPR)}

_EU_AUTHORITIES = (
    {"en": "Data protection authorities (EDPB members)", "ja": "各国のデータ保護機関（EDPBの構成員）"},
    "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en",
)
#: Country → name and address of where a complaint is taken; for Europe the list of each country's own authority.
_AUTHORITIES = {
    "JP": ({"en": "Personal Information Protection Commission", "ja": "個人情報保護委員会"}, "https://www.ppc.go.jp/"),
    "GB": ({"en": "Information Commissioner’s Office"}, "https://ico.org.uk/make-a-complaint/"),
    EU: _EU_AUTHORITIES,
    **dict.fromkeys(EEA, _EU_AUTHORITIES),
}


def jurisdictions(country: str, *, eu_data: bool) -> list[str]:
    """Whose law applies: the controller's country, and the Union where data of people there is handled.

    Args:
        country: of the controller, ISO 3166.
        eu_data: whether data of people in the EU is handled.
    """
    return [country, EU] if eu_data and country not in EEA else [country]


def laws(places: list[str]) -> list[str]:
    """The laws of these jurisdictions as DPV terms, each once; none where DPV has none."""
    return list(dict.fromkeys(_LAWS[place] for place in places if place in _LAWS))


def authorities(places: list[str], locale: str) -> list[tuple[str, str]]:
    """Name, in a language as near to ``locale`` as there is one, and web address of their authorities, each once."""
    found = [_AUTHORITIES[place] for place in places if place in _AUTHORITIES]
    language = locale.partition("-")[0]
    return list(dict.fromkeys((names.get(language, names["en"]), url) for names, url in found))
