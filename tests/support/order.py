"""The order of the files when several processes share them: what takes longest begins first, so that none ends late."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: Files that take more than ten seconds, the longest first. What is not named follows by its number of tests.
LONG = (
    "workers/test_kafka_worker.py", "nodes/test_nodes.py", "browser/test_demo.py", "faults/test_kill.py",
    "browser/test_trackers_end_to_end.py", "faults/test_server_faults.py", "browser/test_service_down.py",
    "security/test_xss_corpus.py", "browser/test_surfaces.py", "browser/test_record_pages.py",
    "workers/test_redis_worker.py", "deploy/test_image.py", "browser/test_preferences_without_javascript.py",
    "faults/test_outbox_kill.py", "workers/test_dead_letters_page.py", "web/test_serving.py",
    "faults/test_client_faults.py", "copies/test_nothing_is_granted_again.py", "faults/test_disk_faults.py",
    "security/test_schemathesis.py", "security/test_hostile_input.py", "web/test_requests_api.py",
    "copies/test_restoring.py", "security/test_allowances.py", "unit/storage/test_redis_faults.py",
    "browser/test_vendors_page.py", "browser/test_everybody_can_use_it.py", "browser/test_widget_held.py",
    "browser/test_receipts.py", "receipts/test_receipt_reading.py", "security/test_known_cves.py",
    "unit/test_commands.py", "proxies/test_proxy_recipes.py", "browser/test_pipeline_proof.py",
    "verifier/test_gate_js_differential.py", "receipts/test_receipt_fields.py", "conformance/test_conformance.py",
    "unit/ledger/test_mutations.py", "deploy/test_units.py", "browser/test_widget_languages.py",
    "security/test_threats_browser.py", "web/test_record.py", "web/test_key_drill.py",
    "browser/test_widget_broken_config.py", "unit/rights/test_request_desk.py", "browser/test_evidence_page.py",
    "gate/test_gate_command.py", "deploy/test_monitoring.py",
)  # fmt: skip


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts whole files; the tests in each stay as they are."""
    files = [item.nodeid.partition("::")[0] for item in items]
    counts = Counter(files)
    places = {f"tests/{name}": place for place, name in enumerate(LONG)}
    sizes = {file: (places.get(file, len(LONG)), -counts[file], file) for file in counts}
    items[:] = [items[place] for place in sorted(range(len(items)), key=lambda place: sizes[files[place]])]
