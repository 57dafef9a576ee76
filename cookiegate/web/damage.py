"""While the ledger is damaged nothing new is granted: what could not be proved later is not recorded."""

from __future__ import annotations

from cookiegate.consent.deciding import DecisionRequest
from cookiegate.errors import RecordDamagedError
from cookiegate.web.service import Service


def refuse_grants_on_damage(service: Service, request: DecisionRequest) -> None:
    """Refuses a decision that would grant something while nothing can be sealed.

    A withdrawal or a refusal is taken all the same: saying no must not wait for a repair (GDPR 7(3)).

    Raises:
        RecordDamagedError: try again when the operator has restored the record.
    """
    if service.sealer.damage is not None and _may_grant(request):
        raise RecordDamagedError("the record is being repaired, so nothing can be granted now; try again later")


def _may_grant(request: DecisionRequest) -> bool:
    return request.action == "accept" or (request.action == "choose" and any((request.purposes or {}).values()))
