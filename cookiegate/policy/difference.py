"""What changed between two policies, in words, and whether visitors must be asked again.

They are asked again when more is done with their data than they answered to: a purpose is new or wider, a category, a
recipient, a vendor or a site that shares the choice is added, data is kept longer. A narrower use, a typo, a look or a
translation asks nobody.

Source: APPI, articles 17 and 18 (a changed purpose of use); GDPR, articles 6(1)(a) and 7 (specific consent).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from cookiegate.errors import PolicyError
from cookiegate.policy.document import Collector, Localized, Policy, Purpose, Recipient
from cookiegate.policy.faults import quoted
from cookiegate.policy.locales import country_name, language_name
from cookiegate.policy.pages import Sharing
from cookiegate.policy.wording import Phrasebook


@dataclass(frozen=True, slots=True)
class Change:
    """One change: a sentence for a privacy officer, and where it is, such as ``purposes.analytics.acquire``."""

    sentence: str
    asks_again: bool
    path: str

    def as_dict(self) -> dict[str, object]:
        """The change for a JSON report."""
        return {"sentence": self.sentence, "asks_again": self.asks_again, "path": self.path}


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes; those that ask visitors again come first."""

    changes: tuple[Change, ...]

    @property
    def asks_again(self) -> bool:
        """Whether decisions under the old policy no longer hold."""
        return any(change.asks_again for change in self.changes)


def compare(old: Policy, new: Policy) -> Difference:
    """The difference between two versions of one site's policy.

    Raises:
        PolicyError: the two policies belong to different sites.
    """
    if old.site != new.site:
        raise PolicyError(f"These are policies of two sites, {quoted(old.site)} and {quoted(new.site)}.")
    changes = [change for part in _PARTS for change in part(old, new)]
    return Difference(tuple(sorted(changes, key=lambda change: not change.asks_again)))


def _purposes(old: Policy, new: Policy) -> Iterator[Change]:
    for purpose in new.purposes:
        before, path = old.purpose(purpose.key), f"purposes.{purpose.key}"
        if before is None:
            uses = _categories(new, purpose.acquire)
            yield Change(f"The purpose {_purpose_name(new, purpose)} is new. It uses: {uses}.", True, path)
        elif before != purpose:
            yield from _purpose(old, new, before, purpose)
    for purpose in old.purposes:
        if new.purpose(purpose.key) is None:
            sentence = f"The purpose {_purpose_name(old, purpose)} is no longer there."
            yield Change(sentence, False, f"purposes.{purpose.key}")
    kept = [[p.key for p in one.purposes if other.purpose(p.key)] for one, other in ((old, new), (new, old))]
    if kept[0] != kept[1]:
        yield Change("The purposes are shown in another order.", False, "purposes")


def _purpose(old: Policy, new: Policy, before: Purpose, after: Purpose) -> Iterator[Change]:
    name, path = _purpose_name(new, after), f"purposes.{after.key}"
    if before.always_on != after.always_on:
        yield Change(f"{name} {_ALWAYS_ON[after.always_on]}", True, f"{path}.always_on")
    if before.legal_basis != after.legal_basis:
        bases = f"{_words(before.legal_basis)} to {_words(after.legal_basis)}"
        yield Change(f"The legal basis of {name} changed from {bases}.", True, f"{path}.legal_basis")
    if before.automated_decisions != after.automated_decisions:
        wider = after.automated_decisions
        yield Change(f"{name} {_AUTOMATED[wider]}", wider, f"{path}.automated_decisions")
    yield from _acquire(new, name, path, before, after)
    yield from _purpose_recipients(old, new, before, after)
    if before.retention_days != after.retention_days:
        longer = after.retention_days > before.retention_days
        how = "longer" if longer else "for less time"
        days = f"{after.retention_days} days instead of {before.retention_days}"
        yield Change(f"Data for {name} is kept {how}: {days}.", longer, f"{path}.retention_days")
    for part in ("title", "description"):
        yield from _text(f"The {part} of {name}", f"{path}.{part}", new, getattr(before, part), getattr(after, part))
    if before.loss != after.loss:
        yield Change(f"What is lost by refusing {name} was reworded.", False, f"{path}.loss")


def _acquire(policy: Policy, name: str, path: str, before: Purpose, after: Purpose) -> Iterator[Change]:
    added = [key for key in after.acquire if key not in before.acquire]
    removed = [key for key in before.acquire if key not in after.acquire]
    if added:
        yield Change(f"{name} now also uses: {_categories(policy, added)}.", True, f"{path}.acquire")
    if removed:
        yield Change(f"{name} no longer uses: {_categories(policy, removed)}.", False, f"{path}.acquire")


def _purpose_recipients(old: Policy, new: Policy, before: Purpose, after: Purpose) -> Iterator[Change]:
    name, path = _purpose_name(new, after), f"purposes.{after.key}.recipients"
    for key in after.recipients:
        if key not in before.recipients:
            recipient = new.recipients[key]
            where = f"{_words(recipient.kind)}, {country_name(recipient.country, 'en')}"
            sentence = f"Data for {name} now also goes to {_said(new, recipient.name)} ({where})."
            yield Change(sentence, True, path)
    for key in before.recipients:
        if key not in after.recipients:
            yield Change(f"Data for {name} no longer goes to {_said(old, old.recipients[key].name)}.", False, path)


def _recipients(old: Policy, new: Policy) -> Iterator[Change]:
    used = {key for purpose in new.purposes for key in purpose.recipients}
    for key, after in new.recipients.items():
        before = old.recipients.get(key)
        if before is not None and before != after:
            yield from _recipient(new, before, after, key in used)


def _recipient(policy: Policy, before: Recipient, after: Recipient, used: bool) -> Iterator[Change]:
    name, path = _said(policy, after.name), f"recipients.{after.key}"
    if before.kind != after.kind:
        kinds = f"{_words(before.kind)} to {_words(after.kind)}"
        yield Change(f"The recipient {name} changed from {kinds}.", used, f"{path}.kind")
    if before.country != after.country:
        countries = f"{country_name(before.country, 'en')} to {country_name(after.country, 'en')}"
        yield Change(f"The recipient {name} moved from {countries}.", used, f"{path}.country")
    if before.transfer != after.transfer:
        bases = f"{_words(before.transfer or 'none')} to {_words(after.transfer or 'none')}"
        yield Change(f"The basis for provision to {name} abroad changed from {bases}.", used, f"{path}.transfer")
    if before.exception != after.exception:
        codes = f"{_words(before.exception or 'none')} to {_words(after.exception or 'none')}"
        sentence = f"The legal exception for provision to {name} changed from {codes}."
        yield Change(sentence, used and after.exception is not None, f"{path}.exception")
    yield from _recipient_words(name, path, before, after)


def _recipient_words(name: str, path: str, before: Recipient, after: Recipient) -> Iterator[Change]:
    if before.name != after.name:
        hint = "If it is another company, give it a key of its own, so that visitors are asked."
        yield Change(f"The name of the recipient {name} was reworded. {hint}", False, f"{path}.name")
    if before.url != after.url:
        yield Change(f"The web address of the recipient {name} changed.", False, f"{path}.url")
    if before.transfer_safeguards != after.transfer_safeguards:
        sentence = f"What protects data at the recipient {name} abroad was reworded."
        yield Change(sentence, False, f"{path}.transfer_safeguards")
    if before.contract != after.contract:
        yield Change(f"The contract facts of the recipient {name} changed.", False, f"{path}.contract")
    if before.joint_use != after.joint_use:
        hint = "If more is used jointly or for more, give it a key of its own, so that visitors are asked."
        yield Change(f"What is published about joint use with {name} was reworded. {hint}", False, f"{path}.joint_use")


def _ip(old: Policy, new: Policy) -> Iterator[Change]:
    if old.ip_when_refused == new.ip_when_refused:
        return
    weaker = new.ip_when_refused == "truncate"
    how = "shortened and kept, no longer removed" if weaker else "removed, no longer shortened and kept"
    yield Change(f"An IP address that was not granted is now {how}.", weaker, "ip_when_refused")


def _controller(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = old.controller.country, new.controller.country
    if before != after:
        sentence = f"The controller moved from {country_name(before, 'en')} to {country_name(after, 'en')}."
        yield Change(sentence, True, "controller.country")
    if replace(old.controller, country=after) != new.controller:
        yield Change("The details of the controller changed.", False, "controller")


def _records(old: Policy, new: Policy) -> Iterator[Change]:
    for name, what in _RECORDS.items():
        before, after = getattr(old.retention, name), getattr(new.retention, name)
        if before != after:
            sentence = f"{what} are kept for {after} days instead of {before}."
            # The others prove what was done, for or against us alike; addresses say more about visitors.
            widens = name == "ip_evidence_days" and after > before
            yield Change(sentence, widens, f"retention.{name}")


def _collectors(old: Policy, new: Policy) -> Iterator[Change]:
    for tracker in sorted(old.collectors.keys() | new.collectors.keys()):
        before, after = old.collectors.get(tracker), new.collectors.get(tracker)
        name, path = quoted(tracker), f"collectors.{tracker}"
        if before is None or after is None:
            yield Change(f"The tracker {name} was {'added' if before is None else 'removed'}.", False, path)
            continue
        if before.purpose != after.purpose:
            yield Change(f"The tracker {name} now declares the purpose {quoted(after.purpose)}.", False, path)
        if before.recipient != after.recipient:
            whom = f"goes to the recipient {quoted(after.recipient)}" if after.recipient else "stays with you"
            yield Change(f"What the tracker {name} collects now {whom}.", False, f"{path}.recipient")
        yield from _fields(before, after, path)
        yield from _collecting(before, after, path)


def _collecting(before: Collector, after: Collector, path: str) -> Iterator[Change]:
    name = quoted(after.tracker)
    former, prior = before.prior_consent or {}, after.prior_consent or {}
    if freed := [field for field in prior if set(prior[field]) - set(former.get(field, ()))]:
        sentence = f"Sensitive fields of {name} events are recorded on consent: {', '.join(map(quoted, freed))}."
        yield Change(sentence, True, f"{path}.prior_consent")
    elif former != prior:
        yield Change(f"Fewer sensitive fields of {name} events are recorded.", False, f"{path}.prior_consent")
    if (before.late_events or "while_granted") != (after.late_events or "while_granted"):
        passes = "pass" if after.late_events == "until_withdrawal" else "are dropped"
        sentence = f"Events of {name} that happened before a withdrawal and come after it now {passes}."
        yield Change(sentence, passes == "pass", f"{path}.late_events")
    if bool(before.bind) != bool(after.bind):
        bound = "bound to the client" if after.bind else "no longer bound to the client"
        yield Change(f"Tokens are now {bound} of {name}.", False, f"{path}.bind")


def _fields(before: Collector, after: Collector, path: str) -> Iterator[Change]:
    freed = [name for name, kind in after.fields.items() if kind == "event" and before.fields.get(name, kind) != kind]
    if freed:
        names = ", ".join(map(quoted, freed))
        sentence = f"Fields that needed a category are now recorded with every event: {names}."
        yield Change(sentence, True, f"{path}.fields")
    elif before.fields != after.fields:
        yield Change(f"The fields of {quoted(after.tracker)} events were sorted anew.", False, f"{path}.fields")


def _locales(old: Policy, new: Policy) -> Iterator[Change]:
    for verb, here, there in (("added", new, old), ("removed", old, new)):
        for locale in here.locales:
            if locale not in there.locales:
                yield Change(f"The {language_name(locale, 'en')} version was {verb}.", False, "locales")
    if old.authoritative_locale != new.authoritative_locale:
        language = language_name(new.authoritative_locale, "en")
        yield Change(f"The {language} version is now the one that prevails.", False, "authoritative_locale")


def _vendors(old: Policy, new: Policy) -> Iterator[Change]:
    if old.tcf != new.tcf:
        wider = new.tcf is not None and (old.tcf is None or new.tcf.is_wider_than(old.tcf))
        more = " Some may do more than before." if wider else ""
        yield Change(f"What vendors are told by IAB TCF changed.{more}", wider, "tcf")


def _sharing(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = old.share or Sharing(), new.share or Sharing()
    if before.domain != after.domain:
        yield Change("The domain whose sub-domains share a choice changed.", False, "share")
    was, now, path = before.group or {}, after.group or {}, "share.group"
    if added := [site for site in now if site not in was]:
        yield Change(f"A choice now also counts on other sites: {', '.join(map(quoted, added))}.", True, path)
    if removed := [site for site in was if site not in now]:
        yield Change(f"A choice no longer counts on other sites: {', '.join(map(quoted, removed))}.", False, path)
    if any(was[site] != now[site] for site in now if site in was):
        yield Change("Names of sites that share a choice were reworded.", False, path)


def _simple(old: Policy, new: Policy) -> Iterator[Change]:
    for name, sentence in _SENTENCES.items():
        if getattr(old, name) != getattr(new, name):
            yield Change(sentence, False, name)
    if old.ask_again_days != new.ask_again_days:
        days = f"{new.ask_again_days} days instead of {old.ask_again_days}"
        yield Change(f"Visitors are asked again after {days}.", False, "ask_again_days")
    if old.ask_again_refused_days != new.ask_again_refused_days:
        days = f"{new.refused_days} days instead of {old.refused_days}"
        yield Change(f"Visitors who refused are asked again after {days}.", False, "ask_again_refused_days")


def _text(what: str, path: str, policy: Policy, before: Localized, after: Localized) -> Iterator[Change]:
    changed = [locale for locale in after if locale in before and before[locale] != after[locale]]
    if not changed:
        return
    languages = " and ".join(language_name(locale, "en") for locale in changed)
    sentence = f"{what} was reworded in {languages}."
    if policy.authoritative_locale in changed:
        sentence += " If it now means more, give the purpose a new key, so that visitors are asked."
    yield Change(sentence, False, path)


_ALWAYS_ON = {
    True: "is now always on: visitors can no longer refuse it.",
    False: "is now for visitors to allow or refuse, and nobody has allowed it yet.",
}

_AUTOMATED = {
    True: "now decides about people by machine alone, with legal or similarly significant effects.",
    False: "no longer decides about people by machine alone.",
}

_RECORDS = {
    "consent_days": "Proofs of consent",
    "refusal_days": "Proofs of refusal",
    "request_days": "Requests",
    "provision_days": "Records of provision",
    "ip_evidence_days": "IP addresses as evidence",
}

_SENTENCES = {
    "origins": "The list of origins changed.",
    "policy_url": "The address of the full privacy policy changed.",
    "theme": "The look of the banner changed.",
    "texts": "Texts of the banner were reworded.",
    "categories": "Acquisition categories were reworded.",
    "out_of_scope": "The statement of what is out of scope was reworded.",
    "source_document": "The name of the legal text behind this policy changed.",
    "signals": "What browser signals switch off changed.",
    "hold": "The hosts that pages hold back changed.",
    "attach": "The trackers that pages stop by themselves changed.",
    "clean": "What pages remove while a purpose is refused changed.",
    "google": "What Google's tags are told changed.",
    "gpp": "What vendors are told by GPP changed.",
    "reload_on_withdrawal": "Whether pages are loaded anew after a withdrawal changed.",
    "debug_origins": "The origins that show the developer panel changed.",
    "regions": "Whose law decides what visitors are shown changed.",
    "eu_data": "The statement of whether data of people in the EU is handled changed.",
}

_PARTS: tuple[Callable[[Policy, Policy], Iterator[Change]], ...] = (
    _purposes, _recipients, _controller, _ip, _collectors, _records, _locales, _vendors, _sharing, _simple,
)  # fmt: skip


def _said(policy: Policy, text: Localized) -> str:
    """The English wording, or the authoritative one."""
    return quoted(text.get("en") or text[policy.authoritative_locale])


def _purpose_name(policy: Policy, purpose: Purpose) -> str:
    return f"{_said(policy, purpose.title)} ({purpose.key})"


def _categories(policy: Policy, keys: Iterable[str]) -> str:
    book = Phrasebook(policy, "en")
    return ", ".join(book.category(key)["title"] for key in keys) or "nothing that is acquired automatically"


def _words(key: str) -> str:
    return key.replace("_", " ")
