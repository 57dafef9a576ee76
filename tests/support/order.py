"""The order of the files when several processes share them: what takes longest begins first, so that none ends late."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: Files that take more than ten seconds, the longest first. What is not named follows by its number of tests.
LONG = (
    "faults/test_kill.py", "faults/test_server_faults.py", "browser/test_demo.py",
    "browser/test_trackers_end_to_end.py", "browser/test_surfaces.py", "nodes/test_nodes.py",
    "browser/test_service_down.py", "security/test_schemathesis.py", "web/test_serving.py",
    "faults/test_disk_faults.py", "deploy/test_image.py", "browser/test_record_pages.py",
    "browser/test_everybody_can_use_it.py", "browser/test_preferences_without_javascript.py",
    "browser/test_pipeline_proof.py",
    "contract/test_promoted_standby.py", "unit/test_commands.py", "gate/test_add_a_tracker.py",
    "gate/test_tracker_recording.py", "web/test_load_smoke.py", "faults/test_outbox_kill.py",
    "histories/test_histories.py", "copies/test_restoring.py", "web/test_key_drill.py",
    "security/test_threats_tokens.py", "security/test_xss_corpus.py",
    "contract/test_postgres.py", "faults/test_client_faults.py", "web/test_shared_roles.py",
    "web/test_body_contract.py", "unit/storage/test_redis_faults.py",
)  # fmt: skip


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts whole files; the tests in each stay as they are."""
    files = [item.nodeid.partition("::")[0] for item in items]
    counts = Counter(files)
    places = {f"tests/{name}": place for place, name in enumerate(LONG)}
    sizes = {file: (places.get(file, len(LONG)), -counts[file], file) for file in counts}
    items[:] = [items[place] for place in sorted(range(len(items)), key=lambda place: sizes[files[place]])]
