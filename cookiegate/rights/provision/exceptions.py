"""Providing data without consent, under a legal exception: coded, with its reason, provable (S12).

Nothing leaves in this way by itself: a person of the operator decides, and says why. What is kept is the ledger entry,
which names the code for good and nobody, and the record of provision, which names the person for three years.
"""

from __future__ import annotations

from dataclasses import dataclass

from cookiegate.clock import rfc3339
from cookiegate.errors import InvalidInputError
from cookiegate.ledger.ids import new_id
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.rights.provision.provisions import Provision, Provisions
from cookiegate.storage.contract import DecisionRow

REASON_LIMIT_CHARS = 2_000
NAME_LIMIT_CHARS = 200
ITEMS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class ExceptionalProvision:
    """What a person of the operator decided.

    Args:
        code: of the legal exception.
        reason: why it applies, in words: which law, which danger, why consent cannot be obtained.
        recipient_name: who gets the data.
        country: where they are, ISO 3166.
        items: what they get, in words.
        by: who decided.
    """

    code: str
    reason: str
    recipient_name: str
    country: str
    items: tuple[str, ...]
    by: str


def provide_by_exception(
    provisions: Provisions, given: ExceptionalProvision, decision: DecisionRow, at_ms: int
) -> Provision:
    """Records the use of a legal exception, and returns when that is durable; only then may the data leave.

    Args:
        provisions: keeps the record.
        given: the decision of the operator.
        decision: any decision of the person whose data leaves.
        at_ms: when.

    Raises:
        InvalidInputError: no such exception, a part is missing or too long, or the decision names nobody (any more).
        StorageError: nothing was recorded, so nothing may leave.
    """
    _check(given)
    if decision.is_erased:
        raise InvalidInputError(
            "this person's data was erased: there is nothing to provide", errors=_errors("decision")
        )
    if decision.sub is None:
        raise InvalidInputError("this decision is an anonymous refusal: it names nobody", errors=_errors("decision"))
    provision = Provision(
        id=new_id(at_ms),
        site=decision.site,
        sub=decision.sub,
        recipient=None,
        recipient_name={"und": given.recipient_name},
        recipient_kind="third_party",
        country=given.country,
        transfer=None,
        purpose=None,
        items=given.items,
        ground=given.code,
        policy_version=None,
        epoch=None,
        provided_at=rfc3339(at_ms),
        reason=given.reason,
        by=given.by,
        decision=decision.id,
    )
    provisions.add(provision, at_ms)
    return provision


def _check(given: ExceptionalProvision) -> None:
    if given.code not in LEGAL_EXCEPTIONS:
        known = ", ".join(LEGAL_EXCEPTIONS)
        raise InvalidInputError(f"there is no such legal exception; known: {known}", errors=_errors("exception"))
    limits = (("reason", given.reason, REASON_LIMIT_CHARS), ("recipient_name", given.recipient_name, NAME_LIMIT_CHARS),
              ("by", given.by, NAME_LIMIT_CHARS))  # fmt: skip
    for name, text, limit in limits:
        _check_text(name, text, limit)
    if not 0 < len(given.items) <= ITEMS_LIMIT:
        raise InvalidInputError("say what is provided, item by item", errors=_errors("items"))
    for item in given.items:
        _check_text("items", item, NAME_LIMIT_CHARS)


def _check_text(name: str, text: str, limit: int) -> None:
    if not text.strip() or len(text) > limit or not text.isprintable():
        raise InvalidInputError(
            f"{name.replace('_', ' ')}: a line of 1 to {limit} characters is needed", errors=_errors(name)
        )


def _errors(name: str) -> dict[str, list[str]]:
    return {name: ["unusable"]}
