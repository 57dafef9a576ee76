"""What a verification found wrong: one line each, saying where, what, and what it means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: code -> what it means. ``docs/reference/ledger.md`` is held to this table by a test.
MEANINGS: dict[str, str] = {
    "payload_changed": "the stored bytes were changed, or moved here from another entry",
    "leaf_mismatch": "record or salt was changed after it was written",
    "record_malformed": "this was not written by the service",
    "columns_differ": "the row was changed beside its record",
    "row_missing": "the entry was deleted from the record",
    "row_unlisted": "an entry was put in, or its place in the ledger was taken away",
    "position_missing": "an entry was taken out of the ledger",
    "position_repeated": "entries were put in, repeated or reordered",
    "payload_unaccounted": "the payload was emptied without an erasure or a disposal in the ledger",
    "key_gone": "a subject key was destroyed outside an erasure, or the row was moved to another person's key",
    "unsealed_late": "the sealer stands still, or somebody keeps the entry out of the ledger",
    "tile_changed": "the stored tree is not the tree of these entries",
    "tree_unsigned": "the tree goes on, or ends, where nothing was signed",
    "checkpoint_invalid": "the checkpoint was changed, or signed by somebody else",
    "root_mismatch": "the entries are not those that were signed",
    "rolled_back": "the ledger once was larger: entries were taken from its end",
    "forked": "the ledger once held other entries: history was rewritten",
    "notice_unknown": "what the visitor read cannot be shown",
    "surface_unknown": "what the visitor saw cannot be shown",
    "epoch_not_rising": "decisions of a subject were reordered, or one was taken out",
    "consent_differs": "gates would go by something else than what the person last decided",
    "policy_changed": "a published policy was changed",
    "notice_changed": "a published notice was changed",
    "artifact_changed": "a file that visitors were served was changed",
    "export_changed": "the file was changed after it was written",
    "export_cut": "the file is not complete",
    "export_garbled": "the file was changed after it was written",
    "receipt_unknown": "the ledger no longer holds what it gave a receipt for",
    "receipt_contradicted": "the ledger holds something else than it gave a receipt for",
}
#: Findings of one code that are kept; more are counted.
KEPT_PER_CODE = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. ``where`` names the entry or the part of the ledger."""

    code: str
    where: str
    detail: str

    @property
    def line(self) -> str:
        """The finding as a sentence."""
        return f"{self.where}: {self.detail}; {MEANINGS[self.code]} [{self.code}]"

    def document(self) -> dict[str, str]:
        """The finding for other programs."""
        return {"code": self.code, "where": self.where, "detail": self.detail, "means": MEANINGS[self.code]}


@dataclass(slots=True)
class Findings:
    """Collects findings; of many alike the first are kept, so that a rebuilt tree does not fill the screen."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, code: str, where: str, detail: str) -> None:
        """Notes one finding."""
        self.counts[code] += 1
        if self.counts[code] <= KEPT_PER_CODE:
            self.kept.append(Finding(code, where, detail))

    def merge(self, other: Findings) -> None:
        """Takes over what another collector has."""
        for finding in other.kept:
            self.add(finding.code, finding.where, finding.detail)
        for code, count in other.counts.items():
            self.counts[code] += max(0, count - KEPT_PER_CODE)

    def without(self, code: str) -> Findings:
        """All but those of one kind."""
        counts = Counter({kind: count for kind, count in self.counts.items() if kind != code})
        return Findings([finding for finding in self.kept if finding.code != code], counts)

    @property
    def lines(self) -> list[str]:
        """Every finding kept, and how many more there are of each kind."""
        more = [
            f"… and {count - KEPT_PER_CODE:,} more of [{code}]"
            for code, count in self.counts.items()
            if count > KEPT_PER_CODE
        ]
        return [finding.line for finding in self.kept] + more

    def __bool__(self) -> bool:
        return bool(self.counts)
