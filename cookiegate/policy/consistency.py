"""Rules that hold between the parts of a policy document.

They read the raw data, so that they find their faults also where other parts are wrong; a part of the wrong shape is
left to the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cookiegate.policy import wording
from cookiegate.policy.attaching import attached_purposes
from cookiegate.policy.cleaning import cleaned_purposes
from cookiegate.policy.collecting import COLLECTING_RULES
from cookiegate.policy.consent_mode import consent_mode_fits
from cookiegate.policy.document import ASK_AGAIN_DAYS, CATEGORIES
from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.holding import held_hosts
from cookiegate.policy.iab import FRAMEWORK_RULES
from cookiegate.policy.locales import is_locale
from cookiegate.policy.providing import PROVIDING_RULES
from cookiegate.policy.raw import Data, as_list, as_mapping, entries, purposes, words
from cookiegate.policy.sharing import sharing_fits
from cookiegate.policy.signals import affected_names
from cookiegate.policy.theme import LEAST_CONTRAST, PAIRS, contrast, read_colour


def find_contradictions(data: Data) -> Iterator[Complaint]:
    """Every breach of a rule between parts.

    Args:
        data: the document as it was written, of any shape.
    """
    for rule in RULES:
        yield from rule(data)


def locales_of(data: Data) -> tuple[str, ...]:
    """The locales that the document names, as far as they are texts."""
    return tuple(dict.fromkeys(words(data.get("locales"))))


def _authoritative_locale(data: Data) -> Iterator[Complaint]:
    locales, named = locales_of(data), data.get("authoritative_locale")
    if isinstance(named, str):
        if locales and named not in locales:
            fix = suggest(named, locales)
            yield Complaint(f"{quoted(named)} is not one of the locales.", fix, ("authoritative_locale",))
    elif len(locales) > 1 and "authoritative_locale" not in data:
        fix = f"Add `authoritative_locale: {locales[0]}`, or whichever version prevails."
        yield Complaint("With several languages, one must prevail, and none is named.", fix, ("locales",), at_key=True)


def _locale_texts(data: Data) -> Iterator[Complaint]:
    texts, categories = as_mapping(data.get("texts")), as_mapping(data.get("categories"))
    for index, locale in enumerate(words(data.get("locales"))):
        if not is_locale(locale) or wording.built_in(locale):
            continue
        missing = [f"texts.{key}" for key in wording.missing_texts(locale, texts)]
        for category in CATEGORIES:
            own = as_mapping(categories.get(category))
            missing += [f"categories.{category}.{part}" for part in wording.CATEGORY_PARTS if part not in own]
        if missing:
            message = f"There are no built-in texts in {quoted(locale)}, and {len(missing)} texts are not given here."
            yield Complaint(message, f"Add {', '.join(missing)}.", ("locales", index))


def _debug_origins(data: Data) -> Iterator[Complaint]:
    origins = words(data.get("origins"))
    for index, origin in enumerate(words(data.get("debug_origins"))):
        if origins and origin not in origins:
            message = f"{quoted(origin)} is not one of the origins."
            yield Complaint(message, suggest(origin, origins), ("debug_origins", index))


def _purpose_texts(data: Data) -> Iterator[Complaint]:
    """A purpose brings its texts, unless its key is known and the package has them in every locale."""
    strange = [locale for locale in locales_of(data) if is_locale(locale) and not wording.built_in(locale)]
    for index, purpose in purposes(data):
        key = purpose.get("key")
        for part in wording.PURPOSE_PARTS:
            path, fix = ("purposes", index, part), f"Add `{part}: {{ja: …, en: …}}`."
            if part in purpose:
                continue
            if key not in wording.known_purposes():
                yield Complaint(f"{quoted(part)} is missing.", fix, path, at_key=True)
            elif strange:
                message = f"There is no built-in {part} of {quoted(key)} in {quoted(strange[0])}."
                yield Complaint(message, fix, path, at_key=True)


def _purpose_keys(data: Data) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for index, purpose in purposes(data):
        key = purpose.get("key")
        if isinstance(key, str) and seen.setdefault(key, index) != index:
            message = f"Two purposes have the key {quoted(key)}."
            yield Complaint(message, "Give each purpose a key of its own.", ("purposes", index, "key"))


def _legal_bases(data: Data) -> Iterator[Complaint]:
    for index, purpose in purposes(data):
        basis, path = purpose.get("legal_basis"), ("purposes", index, "legal_basis")
        if purpose.get("always_on") is True and basis == "consent":
            message = "A purpose that is always on cannot rest on consent: nobody is asked."
            yield Complaint(message, "Name the true legal basis, or remove `always_on`.", path)
        elif purpose.get("always_on", False) is False and isinstance(basis, str) and basis != "consent":
            message = "A purpose that a visitor may refuse rests on consent, and this one names another legal basis."
            yield Complaint(message, "Write `legal_basis: consent`, or add `always_on: true`.", path)


def _automated_decisions(data: Data) -> Iterator[Complaint]:
    """Source: GDPR, article 22; S10."""
    for index, purpose in purposes(data):
        if purpose.get("automated_decisions") is True and purpose.get("legal_basis") != "consent":
            message = "Decisions about people by machine alone need their explicit consent."
            fix = "Write `legal_basis: consent` without `always_on`, or let a person decide and delete this line."
            yield Complaint(message, fix, ("purposes", index, "automated_decisions"))


def _contacts(data: Data) -> Iterator[Complaint]:
    controller = data.get("controller")
    if isinstance(controller, dict) and not {"email", "phone", "url"} & controller.keys():
        message = "Visitors find no way to reach you: no e-mail, telephone or contact page."
        yield Complaint(message, "Add `email`, `phone` or `url`.", ("controller",), at_key=True)


def _collector_purposes(data: Data) -> Iterator[Complaint]:
    keys = [purpose["key"] for _, purpose in purposes(data) if isinstance(purpose.get("key"), str)]
    for tracker, collector in entries(data.get("collectors")):
        purpose = as_mapping(collector).get("purpose")
        if isinstance(purpose, str) and keys and purpose not in keys:
            path = ("collectors", tracker, "purpose")
            yield Complaint(f"There is no purpose {quoted(purpose)}.", suggest(purpose, keys), path)


def _collector_fields(data: Data) -> Iterator[Complaint]:
    for tracker, collector in entries(data.get("collectors")):
        named = as_mapping(collector).get("fields")
        if tracker == "plain" and isinstance(collector, dict) and not named:
            message = "Without `fields`, every field of a plain event is dropped."
            yield Complaint(
                message, "Add `fields: {page: browsing}` with your own.", ("collectors", tracker), at_key=True
            )
        else:
            yield from _unused_categories(data, tracker, as_mapping(collector))
            yield from _overlapping_fields(tracker, as_mapping(as_mapping(collector).get("fields")))


def _unused_categories(data: Data, tracker: str, collector: Data) -> Iterator[Complaint]:
    declared = [purpose for _, purpose in purposes(data) if purpose.get("key") == collector.get("purpose")]
    used = as_list(declared[0].get("acquire")) if declared else None
    for field, category in entries(collector.get("fields")):
        if used is not None and category in CATEGORIES and category not in used:
            message = f"The purpose does not acquire {quoted(category)}, so this field would always be dropped."
            fix = f"Add {category} to the purpose's `acquire`, or delete this line."
            yield Complaint(message, fix, ("collectors", tracker, "fields", field))


def _overlapping_fields(tracker: str, named: Data) -> Iterator[Complaint]:
    for field, _ in entries(named):
        parents = [field[:at] for at, char in enumerate(field) if char == "."]
        whole = next((parent for parent in parents if parent in named), None)
        if whole is not None:
            message = f"The field {quoted(whole)} is listed as a whole already."
            path = ("collectors", tracker, "fields", field)
            yield Complaint(message, "List a field as a whole or in its parts, not both.", path, at_key=True)


def _readable_colours(data: Data) -> Iterator[Complaint]:
    theme = as_mapping(data.get("theme"))
    for surface, ink in PAIRS:
        pair = [read_colour(theme[name]) if isinstance(theme.get(name), str) else None for name in (surface, ink)]
        if pair[0] and pair[1] and (ratio := contrast(pair[0], pair[1])) < LEAST_CONTRAST:
            message = (
                f"{quoted(ink)} on {quoted(surface)} is hard to read: contrast {ratio:.1f}, {LEAST_CONTRAST} needed."
            )
            yield Complaint(message, "Make one darker or the other lighter, or leave it out.", ("theme", ink))


def _refused_days(data: Data) -> Iterator[Complaint]:
    refused, asked = data.get("ask_again_refused_days"), data.get("ask_again_days", ASK_AGAIN_DAYS)
    if isinstance(refused, int) and isinstance(asked, int) and refused < asked:
        message = f"Who refused would be asked again after {refused} days, who allowed only after {asked}."
        yield Complaint(message, f"Write {asked} or more, or delete this line.", ("ask_again_refused_days",))


def _record_periods(data: Data) -> Iterator[Complaint]:
    kept = as_mapping(data.get("retention"))
    days, asked = kept.get("consent_days"), data.get("ask_again_days", ASK_AGAIN_DAYS)
    if isinstance(days, int) and isinstance(asked, int) and days < asked:
        message = f"A consent holds for {asked} days (`ask_again_days`), and its proof would be gone after {days}."
        yield Complaint(message, f"Write {asked} or more.", ("retention", "consent_days"))
    evidence = kept.get("ip_evidence_days")
    if isinstance(evidence, int) and evidence > 0:
        yield from _ip_evidence(data, evidence)


def _ip_evidence(data: Data, days: int) -> Iterator[Complaint]:
    """Evidence is kept for a purpose that the notice tells, and no longer than it says (S1)."""
    periods = [
        purpose["retention_days"]
        for _, purpose in purposes(data)
        if purpose.get("always_on") is True
        and "ip" in as_list(purpose.get("acquire"))
        and isinstance(purpose.get("retention_days"), int)
    ]
    path = ("retention", "ip_evidence_days")
    if not periods:
        message = "No purpose that is always on acquires `ip`, so addresses cannot be kept as evidence."
        yield Complaint(message, "Write 0, or say it in a purpose: `always_on: true`, `acquire: [ip]`.", path)
    elif days > max(periods):
        message = f"The purposes that acquire `ip` keep it for {max(periods)} days; evidence cannot stay for {days}."
        yield Complaint(message, f"Write {max(periods)} or less.", path)


RULES: tuple[Callable[[Data], Iterator[Complaint]], ...] = (
    _authoritative_locale,
    _debug_origins,
    _locale_texts,
    _purpose_texts,
    _purpose_keys,
    _legal_bases,
    _automated_decisions,
    _contacts,
    _collector_purposes,
    _collector_fields,
    _readable_colours,
    _record_periods,
    _refused_days,
    affected_names,
    attached_purposes,
    cleaned_purposes,
    consent_mode_fits,
    sharing_fits,
    held_hosts,
    *FRAMEWORK_RULES,
    *COLLECTING_RULES,
    *PROVIDING_RULES,
)
