"""The legal exceptions under which a third party may get personal data without the person's consent (S12).

Data that somebody made public is no exception of its own in the law, so there is no code for it.

Source: APPI, article 27, paragraph 1; for carriers the same list stands in the guidelines for telecommunications
businesses, article 15, paragraph 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Code → the item of APPI, article 27, paragraph 1.
LEGAL_EXCEPTIONS: Mapping[str, str] = MappingProxyType(
    {
        # Laws and regulations require or permit it: a warrant, a tax inquiry.
        "law": "APPI 27(1)(i)",
        # Life, body or property are at stake, and consent is hard to obtain.
        "life_body_property": "APPI 27(1)(ii)",
        # Public health or the sound growth of children especially needs it, and consent is hard to obtain.
        "public_health_child": "APPI 27(1)(iii)",
        # A public body carries out its task by law, and asking for consent could impede it.
        "government_cooperation": "APPI 27(1)(iv)",
        # An academic institution cannot publish or teach its results without it.
        "academic_publication": "APPI 27(1)(v)",
        # An academic institution shares it with those who do the research with it.
        "academic_sharing": "APPI 27(1)(vi)",
        # An academic institution receives it for academic research.
        "academic_research": "APPI 27(1)(vii)",
    }
)
