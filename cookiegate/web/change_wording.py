"""What changed between two versions of a policy, in the words of a visitor (S31).

:func:`cookiegate.policy.difference.compare` finds the changes and tells a privacy officer about them; here each is said
to the person concerned, in their language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cookiegate.policy.difference import Change, compare
from cookiegate.policy.document import CATEGORIES, Localized, Policy, Purpose, Recipient
from cookiegate.policy.locales import country_name, language_name
from cookiegate.policy.wording import Phrasebook
from cookiegate.web.wording import list_text, span_text, texts_in

#: Changes that a visitor would not notice; one sentence stands for all of them.
_TECHNICAL = frozenset(
    {
        "origins", "theme", "source_document", "collectors", "regions", "hold", "attach", "clean",
        "reload_on_withdrawal", "debug_origins",
    }
)  # fmt: skip
#: What other companies' code in the page hears of a choice.
_VENDORS = frozenset({"tcf", "gpp", "google"})
_RECIPIENT_WORDS = frozenset({"name", "url", "transfer_safeguards", "contract", "joint_use"})


@dataclass(frozen=True, slots=True)
class Told:
    """A change in a visitor's words. ``matters``: whoever chose before it is asked again."""

    text: str
    matters: bool


def tell_changes(old: Policy, new: Policy, locale: str) -> tuple[Told, ...]:
    """Every difference, once; what visitors are asked about again comes first.

    Args:
        old, new: two versions of one site's policy.
        locale: of the reader.
    """
    teller = _Teller(old, new, locale)
    return tuple(dict.fromkeys(Told(teller.tell(change), change.asks_again) for change in compare(old, new).changes))


def history_texts(tag: str) -> Mapping[str, Mapping[str, str]]:
    """The texts about versions and changes, by section, in the language that fits ``tag``."""
    texts: Mapping[str, Mapping[str, str]] = texts_in("history_texts", tag)
    return texts


class _Teller:
    """Says single changes between two versions in one language."""

    def __init__(self, old: Policy, new: Policy, locale: str) -> None:
        self._old, self._new, self._locale = old, new, locale
        self._texts = history_texts(locale)["changes"]

    def tell(self, change: Change) -> str:
        group, key, part = (*change.path.split("."), "", "")[:3]
        if group == "purposes" and key:
            return self._purpose(key, part, change.asks_again)
        if group == "recipients":
            return self._recipient(key, part)
        if group == "controller" and key:
            return self._moved("controller_country", self._old.controller.country, self._new.controller.country)
        if group == "retention":
            return self._spans(f"retention_{key}", getattr(self._old.retention, key), getattr(self._new.retention, key))
        if group == "locales":
            return self._languages()
        return self._simple(group, change.asks_again)

    def _say(self, text: str, **values: str) -> str:
        return self._texts[text].format(**values)

    def _purpose(self, key: str, part: str, asks_again: bool) -> str:
        before, after = self._old.purpose(key), self._new.purpose(key)
        if before is None or after is None:
            return self._whole_purpose(before, after)
        title = self._word(self._new, after.title)
        if part in ("acquire", "recipients"):
            return self._purpose_sets(before, after, part, asks_again, title)
        if part == "retention_days":
            longer = after.retention_days > before.retention_days
            name = "purpose_kept_longer" if longer else "purpose_kept_shorter"
            return self._spans(name, before.retention_days, after.retention_days, purpose=title)
        bases = [self._phrase(self._new, f"legal_basis_{one.legal_basis}") for one in (before, after)]
        names = {
            "always_on": "purpose_always_on" if after.always_on else "purpose_choosable",
            "automated_decisions": "purpose_automated" if after.automated_decisions else "purpose_not_automated",
            "legal_basis": "purpose_legal_basis",
        }
        return self._say(names.get(part, "purpose_text"), purpose=title, before=bases[0], after=bases[1])

    def _whole_purpose(self, before: Purpose | None, after: Purpose | None) -> str:
        if after is not None:
            title = self._word(self._new, after.title)
            return self._say("purpose_added", purpose=title, categories=self._categories(self._new, after.acquire))
        return self._say("purpose_removed", purpose=self._word(self._old, before.title) if before else "")

    def _purpose_sets(self, before: Purpose, after: Purpose, part: str, added: bool, title: str) -> str:
        policy, more, less = (self._new, after, before) if added else (self._old, before, after)
        keys = [key for key in getattr(more, part) if key not in getattr(less, part)]
        name = f"purpose_{part}_{'added' if added else 'removed'}"
        if part == "acquire":
            return self._say(name, purpose=title, categories=self._categories(policy, keys))
        whom = [self._whom(policy, policy.recipients[key]) for key in keys]
        return self._say(name, purpose=title, recipients=list_text(whom, self._locale))

    def _recipient(self, key: str, part: str) -> str:
        before, after = self._old.recipients[key], self._new.recipients[key]
        name = self._word(self._new, after.name)
        if part == "country":
            return self._moved("recipient_country", before.country, after.country, recipient=name)
        if part == "kind":
            kinds = [self._phrase(self._new, f"kind_{one.kind}") for one in (before, after)]
            return self._say("recipient_kind", recipient=name, before=kinds[0], after=kinds[1])
        return self._say("recipient_text" if part in _RECIPIENT_WORDS else f"recipient_{part}", recipient=name)

    def _simple(self, name: str, asks_again: bool) -> str:
        if name == "ip_when_refused":
            return self._say(f"ip_{self._new.ip_when_refused}")
        if name == "authoritative_locale":
            return self._say(name, after=language_name(self._new.authoritative_locale, self._locale))
        if name == "ask_again_days":
            return self._spans(name, self._old.ask_again_days, self._new.ask_again_days)
        if name == "ask_again_refused_days":
            return self._spans(name, self._old.refused_days, self._new.refused_days)
        if name in _TECHNICAL:
            return self._say("fields" if asks_again else "technical")
        return self._say("vendors" if name in _VENDORS else name)

    def _languages(self) -> str:
        # A change names one language in its sentence alone: all of them are said at once.
        told = []
        for name, here, there in (("locale_added", self._new, self._old), ("locale_removed", self._old, self._new)):
            names = [language_name(tag, self._locale) for tag in here.locales if tag not in there.locales]
            if names:
                told.append(self._say(name, languages=list_text(names, self._locale)))
        return " ".join(told)

    def _moved(self, name: str, before: str, after: str, **values: str) -> str:
        countries = [country_name(code, self._locale) for code in (before, after)]
        return self._say(name, before=countries[0], after=countries[1], **values)

    def _spans(self, name: str, before: int, after: int, **values: str) -> str:
        return self._say(name, before=span_text(before, self._locale), after=span_text(after, self._locale), **values)

    def _whom(self, policy: Policy, recipient: Recipient) -> str:
        kind = self._phrase(policy, f"kind_{recipient.kind}")
        return f"{self._word(policy, recipient.name)} ({kind}, {country_name(recipient.country, self._locale)})"

    def _categories(self, policy: Policy, keys: Iterable[str]) -> str:
        book, wanted = self._book(policy), set(keys)
        titles = [book.category(key)["title"] for key in CATEGORIES if key in wanted]
        return list_text(titles, self._locale) if titles else self._texts["nothing"]

    def _phrase(self, policy: Policy, key: str) -> str:
        return self._book(policy).text(key)

    def _book(self, policy: Policy) -> Phrasebook:
        return Phrasebook(policy, self._locale)

    def _word(self, policy: Policy, text: Localized) -> Any:
        return text.get(self._locale) or text[policy.authoritative_locale]
