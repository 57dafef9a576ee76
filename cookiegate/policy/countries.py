"""Countries to which personal data may go because their protection of it is recognised.

The lists change by decision of an authority, a few times in a decade: change them here, with the decision.
"""

from __future__ import annotations

#: The European Economic Area: the member states, Iceland, Liechtenstein and Norway.
EEA = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI",
        "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip

#: What Japan holds to protect personal data on its own level.
#: Source: APPI, article 28, paragraph 1; Personal Information Protection Commission, notices 1 and 5 of 2019.
EQUIVALENT_TO_JAPAN = EEA | {"GB"}

#: What the European Commission holds adequate as a whole (Canada: commercial organisations). The United States are not
#: here: their decision covers certified companies alone.
#: Source: GDPR, article 45; the Commission's list of adequacy decisions.
ADEQUATE_FOR_EU = frozenset(
    {"AD", "AR", "CA", "CH", "FO", "GB", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "UY"}
)  # fmt: skip


def equivalent_countries(home: str) -> frozenset[str]:
    """The countries that the law of a controller's country recognises; empty where no list is known here.

    Args:
        home: ISO 3166 code of the controller's country.
    """
    if home == "JP":
        return EQUIVALENT_TO_JAPAN - {home}
    return (EEA | ADEQUATE_FOR_EU) - {home} if home in EEA else frozenset()


def protects_eu_data(country: str) -> bool:
    """Whether data of people in the EU may be there without further safeguards."""
    return country in EEA or country in ADEQUATE_FOR_EU
