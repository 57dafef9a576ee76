"""Names of fields that hold what must never be acquired without prior consent.

The list names race, creed, social status, medical history, criminal record, being a victim of crime, criminal
procedure, sex life and union membership, in English and Japanese. It is about names, not values: what a site calls
``x7`` is what its policy says it is.

Source: APPI, article 2, paragraph 3, and its order, article 2; GDPR, articles 9(1) and 10.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_LONGEST_NAME = 256
_TERMS = {
    "race": "race racial ethnic ethnicity ancestry skin-color skin-colour national-origin jinshu",
    "creed": (
        "creed religion religious religiosity faith belief political politics political-party ideology worldview"
        " party-affiliation shinjo shinjou shukyo shuukyou"
    ),
    "social status": "social-status social-origin social-class caste family-origin shakaiteki-mibun",
    "medical history": (
        "medical medical-history health illness disease diagnosis diagnoses diagnostic-code symptom medication"
        " prescription patient pregnant pregnancy disability handicap hiv genetic genome genotype dna biometric"
        " blood-type blood-pressure"
        " allergy therapy surgery hospitalization vaccination psychiatric icd10 byoreki byoureki shougai kenkou-shindan"
    ),
    "criminal record": (
        "criminal criminal-record crime convict convicted conviction felony offence-record offense-record"
        " sentence-served imprisonment prison zenka hanzai"
    ),
    "victim of crime": "victim crime-victim victimized victimised higaisha",
    "criminal procedure": (
        "arrest arrested prosecution prosecuted indictment indicted criminal-procedure criminal-charge juvenile-case"
        " taiho kiso"
    ),
    "sex life": "sex-life sexual sexuality homosexual heterosexual bisexual lgbt lgbtq gay lesbian transgender seiteki",
    "union membership": (
        "union-member union-membership trade-union labor-union labour-union unionized unionised rodo-kumiai"
    ),
}
_JAPANESE = (
    "人種", "民族", "信条", "宗教", "信仰", "思想", "社会的身分", "病歴", "病名", "傷病", "障害", "健康診断", "診療",
    "調剤", "妊娠", "遺伝", "犯罪", "前科", "逮捕", "起訴", "刑事", "被害", "少年事件", "性生活", "性的", "労働組合",
)  # fmt: skip
_SPLIT = {tuple(term.split("-")) for terms in _TERMS.values() for term in terms.split()}
#: Written together too: ``bloodtype``.
_WORDS = {"".join(words) for words in _SPLIT}
_PHRASES = {words for words in _SPLIT if len(words) > 1}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def is_sensitive(path: str) -> bool:
    """Whether a field's name or dotted path names something sensitive, by its last 256 characters.

    ``bloodType``, ``user.blood_type``, ``BLOOD-TYPE`` and ``bloodtypes`` do; ``trace`` does not.
    """
    return _names_something_sensitive(path[-_LONGEST_NAME:])


@lru_cache(maxsize=8192)
def _names_something_sensitive(path: str) -> bool:
    name = unicodedata.normalize("NFKC", path)
    if any(term in name for term in _JAPANESE):
        return True
    words = [_singular(word.lower()) for word in _WORD.findall(name)]
    joined = _singular("".join(words))
    return not _WORDS.isdisjoint(words) or joined in _WORDS or any(pair in _PHRASES for pair in pairwise(words))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word not in _WORDS and word[:-1] in _WORDS else word
