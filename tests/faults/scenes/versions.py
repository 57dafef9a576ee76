"""Another version of the program, and another copy of the record."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from support.policies import ROOT
from support.waiting import until

from cookiegate.storage.opening import open_storage
from faults.checking import check_gates, check_record
from faults.journal import Journal
from faults.load import Load
from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage
from faults.target import SITE, Target

BOTH = (SQLITE, POSTGRESQL)
LATER = ROOT / "tests" / "support" / "migrations" / "side_by_side"
UPGRADED_WITHIN_S = 10.0
MISSING = 3
#: How soon a withdrawal that one process took must be felt by the gates of another.
ELSEWHERE_S = 5.0


def next_version(folder: Path) -> dict[str, str]:
    """The environment of a program that is this one with one migration more."""
    home = folder / "next"
    shutil.copytree(ROOT / "cookiegate", home / "cookiegate", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "static").symlink_to(ROOT / "static")
    (home / "examples").symlink_to(ROOT / "examples")
    for file in LATER.glob("*.py"):
        shutil.copy(file, home / "cookiegate" / "storage" / "migrations" / "versions" / file.name)
    return {"PYTHONPATH": str(home), "PYTHONSAFEPATH": "1"}


@row("upgrade", "upgrade with a migration under load")
def upgrade(stage: Stage) -> None:
    """SQLite: the old one is stopped, the next one migrates and starts; clients ask again until it is there."""
    stage.begin()
    later = next_version(stage.folder)
    stage.target.stop()
    began = time.monotonic()
    stage.target.process.env = {**stage.target.env, **later}
    stage.target.start()
    stage.recovered(began, UPGRADED_WITHIN_S)
    stage.load.wait_for(100, since_s=began)
    stage.notes.append(f"schema {_schema(stage.target)}")
    stage.check()


@row(
    "upgrade-side-by-side",
    "upgrade with a migration, old and new workers",
    engines=(POSTGRESQL,),
    everyday=False,
)
def upgrade_side_by_side(stage: Stage) -> None:
    """PostgreSQL: the next one starts beside the old one, which goes on; then the old one ends. Nothing fails."""
    stage.begin(clients=2, pace_s=0.002, grace_s=ELSEWHERE_S)
    later = next_version(stage.folder)
    (stage.folder / "beside").mkdir()
    new = Target(
        stage.folder / "beside",
        data=stage.target.data,
        env={**stage.target.env, **later, "COOKIEGATE_BASE_URL": stage.target.process.base_url},
    )
    more: Load | None = None
    try:
        new.start()
        more = Load(new, stage.journal, clients=2, pace_s=0.002, names="new-").start()
        together = time.monotonic()
        more.wait_for(100)
        stage.load.wait_for(100, since_s=together)
        stage.load.stop()
        stage.target.stop()
        more.wait_for(100, since_s=time.monotonic())
        more.stop()
        for seen in (stage.load.seen, more.seen):
            stage.must(not seen.broken + seen.refused, f"{seen.broken} requests broke, {seen.refused} were refused")
        stage.end_load()
        stage.checked.problems += more.seen.problems[:5]
        check_gates(new, stage.journal, stage.checked)
        stage.notes.append(f"schema {_schema(new)}")
    finally:
        if more is not None:
            more.stop()
        new.stop()
    check_record(stage.target, stage.journal, stage.checked)


def _schema(target: Target) -> str:
    import sqlalchemy as sa

    storage = open_storage(target.settings)
    version = sa.table("alembic_version", sa.column("version_num"))
    try:
        return str(storage.read(sa.select(version.c.version_num))[0]["version_num"])
    finally:
        storage.close()


@row("backup-restore", "backup and restore", engines=BOTH)
def backup_restore(stage: Stage) -> None:
    """Taken under load, restored elsewhere, verified; that its end is missing is found by what others kept."""
    stage.begin()
    backup, keys, subject_keys = (stage.folder / name for name in ("backup", "keys-copy", "subject-keys-copy"))
    early = _save_checkpoint(stage, "early.txt")
    known = len(stage.journal.told)
    done = _run(stage, "backup", str(backup), "--data-dir", str(stage.target.data),
                "--subject-keys", str(subject_keys), "--keys", str(keys))  # fmt: skip
    stage.must(done.returncode == 0, f"backup: {done.stderr[-300:]}")
    taken = time.monotonic()
    stage.load.wait_for(30, since_s=taken)
    late = _save_checkpoint(stage, "late.txt")
    # The keys of whoever came after the backup, too: the newest copy is what an operator keeps.
    done = _run(stage, "backup", str(stage.folder / "second"), "--data-dir", str(stage.target.data), "--no-verify",
                "--subject-keys", str(subject_keys))  # fmt: skip
    stage.check()
    began = time.monotonic()
    restored = stage.folder / "restored"
    where = ("--data-dir", str(restored / "data"), "--keys", str(keys), "--subject-keys", str(subject_keys))
    if stage.engine == POSTGRESQL:
        where += ("--database-url", f"sqlite:///{restored / 'data' / 'cookiegate.db'}")
    refused = _run(stage, "restore", str(backup), *where, "--against", str(late))
    stage.must(refused.returncode == MISSING, f"a rolled back ledger was restored: {refused.stdout[-300:]}")
    done = _run(stage, "restore", str(backup), *where, "--against", str(early))
    stage.must(done.returncode == 0, f"restore: {(done.stdout + done.stderr)[-400:]}")
    stage.recovery_s = time.monotonic() - began
    restored_target = Target(
        restored, env={name: value for name, value in stage.target.env.items() if "URL" not in name}
    )
    storage = open_storage(restored_target.settings)
    kept = {decision.id for decision in storage.decisions(SITE)}
    storage.close()
    lost = sum(told.decision not in kept for told in stage.journal.told[:known])
    stage.checked.lost += lost
    stage.notes.append(f"{known} before the backup, {len(kept)} restored")
    verified = _run(stage, "ledger", "verify", "--data-dir", str(restored / "data"), restored=True)
    stage.must(verified.returncode == 0, f"ledger verify of the copy: {verified.stdout[-300:]}")
    restored_target.start()
    try:
        gates = Journal(stage.folder / "gates.jsonl", told=[], ended=stage.journal.ended)
        check_gates(restored_target, gates, stage.checked)
        gates.close()
    finally:
        restored_target.stop()


def _save_checkpoint(stage: Stage, name: str) -> Path:
    """What an outsider keeps, as soon as there is one that holds everything until now."""
    seen: list[bytes] = []

    def is_sealed() -> bool:
        note = stage.target.ask("GET", "/ledger/checkpoint").body
        if note not in seen:
            seen.append(note)
        return len(seen) > 2  # what is sealed next may have begun before now; what is sealed after that did not

    until(is_sealed)
    path = stage.folder / name
    path.write_bytes(seen[-1])
    return path


def _run(stage: Stage, *command: str, restored: bool = False) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in stage.target.env.items() if not (restored and name.endswith("DATABASE_URL"))}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env = {**kept, **ours, "COOKIEGATE_BASE_URL": stage.target.process.base_url}
    line = [sys.executable, "-m", "cookiegate.cli.main", *command]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=env, check=False)
