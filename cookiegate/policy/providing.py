"""Rules for providing data to others: on what ground, to which country, bound by what (S12, S14, S15, S16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard, get_args

from cookiegate.policy.countries import equivalent_countries, protects_eu_data
from cookiegate.policy.document import HOME_COUNTRY, RecipientKind
from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.locales import is_country
from cookiegate.policy.raw import Data, as_list, as_mapping, entries, purposes, recipients

#: Kind of recipient → the block that it needs and no other kind has, and what is missing without it.
_BLOCKS = {
    "trustee": ("contract", "A trustee works under a contract, and its facts are not given."),
    "joint_user": ("joint_use", "Joint use must be published, and what is to be published is not given."),
}
_KINDS = get_args(RecipientKind)
#: Bases whose safeguards the person is told. Source: APPI, article 28, paragraphs 2 and 3; GDPR, article 13(1)(f).
_TOLD = ("consent", "equivalent_measures", "standard_clauses")


def _defined(data: Data) -> Iterator[Complaint]:
    defined = list(as_mapping(data.get("recipients")))
    for index, purpose in purposes(data):
        for place, key in enumerate(as_list(purpose.get("recipients"))):
            if isinstance(key, str) and key not in defined:
                fix = suggest(key, defined, otherwise=f"Add `{key}:` under `recipients`.")
                path = ("purposes", index, "recipients", place)
                yield Complaint(f"The recipient {quoted(key)} is not defined.", fix, path)


def _grounds(data: Data) -> Iterator[Complaint]:
    """A third party gets data on consent, or under a legal exception. Source: APPI, article 27, paragraph 1."""
    for path, key, recipient in _without_consent(data):
        if recipient.get("kind") == "third_party" and "exception" not in recipient:
            message = f"{quoted(key)} is a third party, and nobody is asked about this purpose."
            fix = f"Let a purpose that visitors may refuse name it, or give `recipients.{key}` an `exception`."
            yield Complaint(message, fix, path)
        elif recipient.get("transfer") == "consent":
            message = f"Provision to {quoted(key)} abroad rests on consent, and nobody is asked about this purpose."
            fix = "Let a purpose that visitors may refuse name it, or give it another basis for provision abroad."
            yield Complaint(message, fix, path)


def _without_consent(data: Data) -> Iterator[tuple[tuple[str | int, ...], str, Data]]:
    """Each recipient of a purpose that is used without asking: where it is named, its key, what it is."""
    known = dict(recipients(data))
    for index, purpose in purposes(data):
        if purpose.get("legal_basis") in ("consent", None):
            continue
        for place, key in enumerate(as_list(purpose.get("recipients"))):
            if isinstance(key, str) and key in known:
                yield ("purposes", index, "recipients", place), key, known[key]


def _blocks(data: Data) -> Iterator[Complaint]:
    """Source: APPI, articles 25 and 27, paragraph 5."""
    for key, recipient in recipients(data):
        kind = recipient.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            continue
        for owner, (block, missing) in _BLOCKS.items():
            if kind == owner and block not in recipient:
                yield Complaint(missing, f"Add `{block}:` with its keys.", ("recipients", key), at_key=True)
            elif kind != owner and block in recipient:
                message = f"`{block}` is of a {_words(owner)}, and this is a {_words(kind)}."
                yield Complaint(
                    message, f"Write `kind: {owner}`, or delete it.", ("recipients", key, block), at_key=True
                )
        if kind in _BLOCKS and "exception" in recipient:
            message = f"A {_words(kind)} is no third party, so there is nothing to except."
            yield Complaint(message, "Delete `exception`.", ("recipients", key, "exception"), at_key=True)


def _transfers(data: Data) -> Iterator[Complaint]:
    """Provision abroad has a basis. Source: APPI, article 28; S16."""
    home = as_mapping(data.get("controller")).get("country", HOME_COUNTRY)
    for key, recipient in recipients(data):
        country = recipient.get("country")
        if not (_is_country(home) and _is_country(country)):
            continue
        if country == home:
            yield from _needless(key, recipient)
        else:
            yield from _abroad(key, recipient, home, country)
            if data.get("eu_data") is True:
                yield from _eu_data(key, recipient, country)


def _needless(key: str, recipient: Data) -> Iterator[Complaint]:
    for name in ("transfer", "transfer_safeguards"):
        if name in recipient:
            message = "This recipient is in the controller's own country: nothing goes abroad."
            yield Complaint(message, f"Delete `{name}`.", ("recipients", key, name), at_key=True)


def _abroad(key: str, recipient: Data, home: str, country: str) -> Iterator[Complaint]:
    basis, equivalent = recipient.get("transfer"), country in equivalent_countries(home)
    if basis is None and "exception" in recipient:
        return  # what the law permits without consent, it permits abroad too (APPI, article 28, paragraph 1)
    if basis is None:
        message = f"{quoted(key)} is in another country than the controller, and no basis for that is given."
        others = "standard_clauses`, `equivalent_measures` or `consent`, with `transfer_safeguards"
        fix = f"Add `transfer: {'equivalent_country' if equivalent else others}`."
        yield Complaint(message, fix, ("recipients", key), at_key=True)
    elif basis == "equivalent_country" and not equivalent:
        message = f"{country} is not known here as a country that the law of {home} recognises."
        fix = "Use `standard_clauses`, `equivalent_measures` or `consent`."
        yield Complaint(message, fix, ("recipients", key, "transfer"))
    elif basis in _TOLD and "transfer_safeguards" not in recipient:
        message = f"With the basis {quoted(basis)}, people are told what protects their data there."
        fix = "Add `transfer_safeguards:` with that, or with the address of a page that says it."
        yield Complaint(message, fix, ("recipients", key, "transfer"))


def _eu_data(key: str, recipient: Data, country: str) -> Iterator[Complaint]:
    """Data of people in the EU stays adequately protected. Source: GDPR, articles 45 and 46; S16."""
    if recipient.get("transfer") not in (None, "standard_clauses") and not protects_eu_data(country):
        message = f"Data of people in the EU may go to {country} under standard clauses alone (`eu_data`)."
        fix = "Agree on them and write `transfer: standard_clauses`."
        yield Complaint(message, fix, ("recipients", key, "transfer"))


def _collector_recipients(data: Data) -> Iterator[Complaint]:
    named = {purpose["key"]: as_list(purpose.get("recipients")) for _, purpose in purposes(data) if _is_keyed(purpose)}
    for tracker, collector in entries(data.get("collectors")):
        recipient, purpose = (as_mapping(collector).get(name) for name in ("recipient", "purpose"))
        if isinstance(recipient, str) and isinstance(purpose, str) and recipient not in named.get(purpose, [recipient]):
            message = f"The purpose {quoted(purpose)} does not name the recipient {quoted(recipient)}."
            fix = f"Add {recipient} to the purpose's `recipients`, or delete this line."
            yield Complaint(message, fix, ("collectors", tracker, "recipient"))


PROVIDING_RULES: tuple[Callable[[Data], Iterator[Complaint]], ...] = (
    _defined, _grounds, _blocks, _transfers, _collector_recipients,
)  # fmt: skip


def _is_keyed(purpose: Data) -> bool:
    return isinstance(purpose.get("key"), str)


def _is_country(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and is_country(value)


def _words(key: str) -> str:
    return key.replace("_", " ")
