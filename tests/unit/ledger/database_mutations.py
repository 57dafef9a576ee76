"""Ways to tamper with a ledger's database.

By somebody who writes its file, by an insider who also has the subject keys, and by an operator who has another signing
key, or the real one.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from unit.ledger.tampering import OTHER_KEY, Tampered

from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.hashing import canonical, leaf_hash
from cookiegate.storage.contract import DecisionRow
from cookiegate.storage.sealed_rows import (
    CONSENT_COLUMNS,
    consent_columns,
    consent_from_columns,
    decision_columns,
)

SALT = 16
Mutation = Callable[[Tampered], object]


def _changed_record(t: Tampered, row: DecisionRow) -> bytes:
    record = msgspec.json.decode(row.record)
    record["action"] = "accept" if record["action"] != "accept" else "choose"
    record["device"] = {"browser": f"Other {t.rng.random()}"}
    return canonical(record)


def payload_byte(t: Tampered) -> None:
    _, row = t.decision()
    ((sealed,),) = t.rows("SELECT sealed FROM decisions WHERE id = ?", row.id)
    t.run("UPDATE decisions SET sealed = ? WHERE id = ?", t.flipped(sealed), row.id)


def entry_byte(t: Tampered) -> None:
    entry = t.entry()
    t.run("UPDATE entries SET payload = ? WHERE id = ?", t.flipped(entry[4]), entry[0])


def swapped_payloads(t: Tampered) -> None:
    (_, one), (_, other) = t.decision(), t.decision()
    while one.id == other.id:
        _, other = t.decision()
    t.run("UPDATE decisions SET sealed = (SELECT sealed FROM decisions WHERE id = ?) WHERE id = ?", one.id, other.id)


def salt_byte_by_insider(t: Tampered) -> None:
    _, row = t.decision()
    t.put_decision(row, salt=t.flipped(row.salt))


def swapped_salts_by_insider(t: Tampered) -> None:
    (_, one), (_, other) = t.decision(), t.decision()
    while one.id == other.id:
        _, other = t.decision()
    t.put_decision(one, salt=other.salt)
    t.put_decision(other, salt=one.salt)


def swapped_entry_salts(t: Tampered) -> None:
    (one, first), (other, second) = t.rows("SELECT id, payload FROM entries ORDER BY id LIMIT 2")
    t.run("UPDATE entries SET payload = ? WHERE id = ?", second[:SALT] + first[SALT:], one)
    t.run("UPDATE entries SET payload = ? WHERE id = ?", first[:SALT] + second[SALT:], other)


def record_by_insider(t: Tampered) -> None:
    _, row = t.decision()
    t.put_decision(row, record=_changed_record(t, row))


def record_and_leaf_by_insider(t: Tampered) -> None:
    _, row = t.decision()
    record = _changed_record(t, row)
    t.put_decision(row, record=record, leaf=leaf_hash(row.salt, record))


def rebuilt_without_key(t: Tampered) -> None:
    record_and_leaf_by_insider(t)
    t.rebuild(None)


def rebuilt_with_another_key(t: Tampered) -> None:
    record_and_leaf_by_insider(t)
    t.rebuild(OTHER_KEY)


def rebuilt_with_the_real_key(t: Tampered) -> None:
    """Found by a checkpoint that somebody saved."""
    record_and_leaf_by_insider(t)
    t.rebuild(t.bench.signer)


def dropped_row(t: Tampered) -> None:
    _, row = t.decision()
    t.run("DELETE FROM decisions WHERE id = ?", row.id)


def dropped_entry(t: Tampered) -> None:
    t.run("DELETE FROM entries WHERE id = ?", t.entry()[0])


def dropped_position(t: Tampered) -> None:
    t.run("DELETE FROM positions WHERE position = ?", t.position())


def _taken_out(t: Tampered) -> None:
    position, row = t.decision()
    t.run("DELETE FROM decisions WHERE id = ?", row.id)
    t.run("DELETE FROM positions WHERE position = ?", position)
    for (later,) in t.rows("SELECT position FROM positions WHERE position > ? ORDER BY position", position):
        t.run("UPDATE positions SET position = ? WHERE position = ?", later - 1, later)


def taken_out(t: Tampered) -> None:
    _taken_out(t)


def taken_out_and_rebuilt(t: Tampered) -> None:
    _taken_out(t)
    t.rebuild(t.rng.choice([None, OTHER_KEY, t.bench.signer]))


def _swap_positions(t: Tampered) -> None:
    one = other = t.position()
    while one == other:
        other = t.position()
    ((first, kind),) = t.rows("SELECT entry_id, kind FROM positions WHERE position = ?", one)
    ((second, other_kind),) = t.rows("SELECT entry_id, kind FROM positions WHERE position = ?", other)
    t.run("DELETE FROM positions WHERE position IN (?, ?)", one, other)
    t.run("INSERT INTO positions VALUES (?, ?, ?), (?, ?, ?)", one, second, other_kind, other, first, kind)


def reordered(t: Tampered) -> None:
    _swap_positions(t)


def reordered_and_rebuilt(t: Tampered) -> None:
    _swap_positions(t)
    t.rebuild(t.rng.choice([None, OTHER_KEY, t.bench.signer]))


def truncated(t: Tampered) -> None:
    """Cut back to any older size with the real key: found by a saved checkpoint, and by receipts."""
    t.cut(t.rng.randrange(1, t.rows("SELECT count(*) FROM positions")[0][0]))


def rolled_back(t: Tampered) -> None:
    """Cut back to an older checkpoint, which is signed: found by a saved checkpoint, and by receipts."""
    t.cut(t.rng.choice(t.rows("SELECT size FROM checkpoints ORDER BY size")[:-1])[0])


def decision_column(t: Tampered) -> None:
    _, row = t.decision()
    change = t.rng.choice([
        ("site", "other"), ("key_id", row.key_id + t.rng.randrange(1, 300)), ("epoch", row.epoch + 1),
        ("decided_at_ms", row.decided_at_ms + t.rng.randrange(1, 10**9)), ("leaf", t.flipped(row.leaf)), ("leaf", b""),
        ("id", row.id[:-1] + ("0" if row.id[-1] != "0" else "1")),
    ])  # fmt: skip
    t.run(f"UPDATE decisions SET {change[0]} = ? WHERE id = ?", change[1], row.id)


def erased_column(t: Tampered) -> None:
    _, row = t.decision(whole=False)
    change = t.rng.choice([
        ("key_id", row.key_id + 200), ("decided_at_ms", row.decided_at_ms + 1), ("leaf", t.flipped(row.leaf)),
        ("id", row.id[:-1] + ("0" if row.id[-1] != "0" else "1")),
    ])  # fmt: skip
    t.run(f"UPDATE decisions SET {change[0]} = ? WHERE id = ?", change[1], row.id)


def entry_column(t: Tampered) -> None:
    entry = t.entry()
    change = t.rng.choice([
        ("kind", "exception"), ("site", "other"), ("site", None), ("key_id", 1), ("leaf", t.flipped(entry[5])),
        ("recorded_at_ms", entry[6] - t.rng.randrange(1, 10**9)), ("payload", None), ("id", entry[0][:-1] + "x"),
    ])  # fmt: skip
    t.run(f"UPDATE entries SET {change[0]} = ? WHERE id = ?", change[1], entry[0])


def position_column(t: Tampered) -> None:
    position = t.position()
    change = t.rng.choice([("kind", 2), ("entry_id", "nobody"), ("position", position + 10**6), ("position", -5)])
    t.run(f"UPDATE positions SET {change[0]} = ? WHERE position = ?", change[1], position)


def tile_byte(t: Tampered) -> None:
    level, number, hashes = t.rng.choice(t.rows("SELECT * FROM ledger_tiles"))
    t.run("UPDATE ledger_tiles SET hashes = ? WHERE level = ? AND number = ?", t.flipped(hashes), level, number)


def tile_moved(t: Tampered) -> None:
    level, number, hashes = t.rng.choice(t.rows("SELECT * FROM ledger_tiles"))
    change = t.rng.choice(
        [("number", number + 7), ("level", level + 3), ("hashes", hashes[:-32]), ("hashes", hashes * 2)]
    )
    t.run(f"UPDATE ledger_tiles SET {change[0]} = ? WHERE level = ? AND number = ?", change[1], level, number)


def tile_dropped(t: Tampered) -> None:
    level, number, _ = t.rng.choice(t.rows("SELECT * FROM ledger_tiles"))
    t.run("DELETE FROM ledger_tiles WHERE level = ? AND number = ?", level, number)


def tile_added(t: Tampered) -> None:
    t.run("INSERT INTO ledger_tiles VALUES (?, ?, ?)", t.rng.choice([0, 4]), t.rng.randrange(5, 10**6), b"t" * 32)


def checkpoint_root(t: Tampered) -> None:
    size, root = t.rng.choice(t.rows("SELECT size, root FROM checkpoints"))
    t.run("UPDATE checkpoints SET root = ? WHERE size = ?", t.flipped(root), size)


def checkpoint_note(t: Tampered) -> None:
    size, note = t.rng.choice(t.rows("SELECT size, note FROM checkpoints"))
    place = t.rng.randrange(len(note))
    changed = note[:place] + chr(ord(note[place]) ^ t.rng.randrange(1, 128)) + note[place + 1 :]
    t.run("UPDATE checkpoints SET note = ? WHERE size = ?", changed, size)


def checkpoint_size(t: Tampered) -> None:
    size, _ = t.rng.choice(t.rows("SELECT size, note FROM checkpoints"))
    taken = {found for (found,) in t.rows("SELECT size FROM checkpoints")}
    other = t.rng.choice([number for number in range(-2, max(taken) + 50) if number not in taken])
    t.run("UPDATE checkpoints SET size = ? WHERE size = ?", other, size)


def last_checkpoint_dropped(t: Tampered) -> None:
    t.run("DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)")


def checkpoint_by_another_key(t: Tampered) -> None:
    size, root = t.rng.choice(t.rows("SELECT size, root FROM checkpoints"))
    t.run("UPDATE checkpoints SET note = ? WHERE size = ?", sign_checkpoint(OTHER_KEY, size, root), size)


def forged_decision(t: Tampered) -> None:
    """A decision that nobody took: not listed, waiting for long, or listed after the signed end."""
    _, row = t.decision()
    fake_id = f"01000000-0000-7000-8000-{t.rng.randrange(10**11):012d}"
    t.put_decision(row)
    columns = decision_columns(
        t.bench.storage.vault, DecisionRow(**{n: getattr(row, n) if n != "id" else fake_id for n in row.__slots__})
    )
    t.run(f"INSERT INTO decisions VALUES ({', '.join('?' * len(columns))})", *columns)
    way = t.rng.randrange(3)
    if way == 1:
        t.run("INSERT INTO unsealed (entry_id, kind) VALUES (?, 0)", fake_id)
    elif way == 2:
        t.run("INSERT INTO positions SELECT max(position) + 1, ?, 0 FROM positions", fake_id)


def emptied(t: Tampered) -> None:
    _, row = t.decision()
    t.run("UPDATE decisions SET sealed = NULL WHERE id = ?", row.id)


def key_destroyed(t: Tampered) -> None:
    _, row = t.decision()
    t.bench.storage.vault.destroy([row.key_id])


def erasure_told_too_early(t: Tampered) -> None:
    """An old erasure is no excuse for a later payload."""
    (position,) = t.rows(
        "SELECT max(position) FROM positions JOIN decisions ON id = entry_id WHERE sealed IS NOT NULL"
    )[0]
    ((row_id,),) = t.rows("SELECT entry_id FROM positions WHERE position = ?", position)
    ((erased,),) = t.rows("SELECT DISTINCT key_id FROM decisions WHERE sealed IS NULL")
    t.run("UPDATE decisions SET sealed = NULL, key_id = ? WHERE id = ?", erased, row_id)


def hidden_behind_an_erasure(t: Tampered) -> None:
    """A decision is emptied, and said to have been another person's, who was erased later."""
    ((erased,),) = t.rows("SELECT DISTINCT key_id FROM decisions WHERE sealed IS NULL")
    ((told_at,),) = t.rows(
        "SELECT position FROM positions JOIN entries ON id = entry_id WHERE entries.kind = 'erasure'"
    )
    position, row = t.decision()
    while position > told_at:
        position, row = t.decision()
    emptied = t.rng.choice(["sealed", "NULL"])
    t.run(f"UPDATE decisions SET sealed = {emptied}, key_id = ? WHERE id = ?", erased, row.id)


def listed_again(t: Tampered) -> None:
    ((entry_id, kind),) = t.rows("SELECT entry_id, kind FROM positions WHERE position = ?", t.position())
    t.run("INSERT INTO unsealed (entry_id, kind) VALUES (?, ?)", entry_id, kind)


def notice_changed(t: Tampered) -> None:
    digest, body = t.rng.choice(t.rows("SELECT sha256, body FROM notices"))
    change = t.rng.choice(
        [("body", t.flipped(body)), ("version", 9), ("locale", "fr"), ("site", "other"), ("sha256", "0" * 64)]
    )
    t.run(f"UPDATE notices SET {change[0]} = ? WHERE sha256 = ?", change[1], digest)


def notice_dropped(t: Tampered) -> None:
    _, row = t.decision()
    t.run("DELETE FROM notices WHERE sha256 = ?", msgspec.json.decode(row.record)["notice"])


def policy_changed(t: Tampered) -> None:
    revision, document = t.rng.choice(t.rows("SELECT revision, document FROM policies"))
    change = t.rng.choice([("document", t.flipped(document)), ("version", 5), ("site", "other"), ("sha256", "0" * 64)])
    t.run(f"UPDATE policies SET {change[0]} = ? WHERE revision = ?", change[1], revision)


def artifact_changed(t: Tampered) -> None:
    digest, body = t.rng.choice(t.rows("SELECT sha256, body FROM artifacts"))
    t.run("UPDATE artifacts SET body = ? WHERE sha256 = ?", t.flipped(body), digest)


def document_of_another_kind(t: Tampered) -> None:
    """SQLite takes a text where bytes belong."""
    table, column = t.rng.choice([("artifacts", "body"), ("notices", "body"), ("policies", "document")])
    t.run(f"UPDATE {table} SET {column} = CAST({column} AS TEXT)")


def consent_byte(t: Tampered) -> None:
    site, handle, sealed = t.rng.choice(t.rows("SELECT site, handle_hash, sealed FROM consents"))
    t.run("UPDATE consents SET sealed = ? WHERE site = ? AND handle_hash = ?", t.flipped(sealed), site, handle)


def consent_widened_by_insider(t: Tampered) -> None:
    """Somebody with the keys lets a gate pass what nobody granted."""
    vault = t.bench.storage.vault
    columns = t.rng.choice(t.rows("SELECT * FROM consents"))
    consent = consent_from_columns(vault, columns)
    assert consent is not None
    change = t.rng.choice([{"purposes": f"{consent.purposes} profiling"}, {"sub": "x" * 22}, {"acquire": "ip secrets"}])
    sealed = consent_columns(vault, replace(consent, **change))[4]
    t.run("UPDATE consents SET sealed = ? WHERE site = ? AND handle_hash = ?", sealed, *columns[:2])


def consent_of_an_older_decision(t: Tampered) -> None:
    """A withdrawal is undone by naming the decision before it."""
    pairs = t.rows(
        "SELECT c.handle_hash, d.id FROM consents c JOIN decisions d ON d.key_id = c.key_id AND d.id < c.decision_id"
    )
    handle, older = t.rng.choice(pairs)
    t.run("UPDATE consents SET decision_id = ? WHERE handle_hash = ?", older, handle)


def consent_column(t: Tampered) -> None:
    """What of a consent lies in clear: a restriction is taken away, a time prolonged, a withdrawal led astray."""
    columns = dict(zip(CONSENT_COLUMNS, t.rng.choice(t.rows("SELECT * FROM consents")), strict=True))
    change: dict[str, object] = t.rng.choice([
        {"restricted": 1 - columns["restricted"]}, {"epoch": columns["epoch"] + t.rng.choice([-1, 1, 1_000])},
        {"decided_at_ms": columns["decided_at_ms"] + t.rng.randrange(1, 10**11)},
        {"status_list": 1, "status_index": ((columns["status_index"] or 0) + t.rng.randrange(1, 10**5)) % 131_072},
    ])  # fmt: skip
    names = ", ".join(f"{name} = ?" for name in change)
    t.run(f"UPDATE consents SET {names} WHERE handle_hash = ?", *change.values(), columns["handle_hash"])


def restriction_undone(t: Tampered) -> None:
    """Restricted data is used again, under an epoch and a place in the status lists that fit together."""
    t.run(
        "UPDATE consents SET restricted = 0, epoch = epoch + 1, status_list = 1, status_index = ?, "
        "decided_at_ms = decided_at_ms + 94608000000 WHERE restricted",
        t.rng.randrange(131_072),
    )


def lift_undone(t: Tampered) -> None:
    """Back to before a restriction, under the index that was revoked with it."""
    ((key_id,),) = t.rows("SELECT DISTINCT key_id FROM entries WHERE kind = 'restriction_lifted'")
    t.run(
        "UPDATE consents SET (epoch, status_list, status_index) = (SELECT epoch, status_list, status_index FROM "
        "decisions WHERE id = consents.decision_id) WHERE key_id = ?",
        key_id,
    )


def surface_dropped(t: Tampered) -> None:
    t.run("DELETE FROM artifacts")


MUTATIONS: tuple[Mutation, ...] = (
    payload_byte, entry_byte, swapped_payloads, salt_byte_by_insider, swapped_salts_by_insider, swapped_entry_salts,
    record_by_insider, record_and_leaf_by_insider, rebuilt_without_key, rebuilt_with_another_key,
    rebuilt_with_the_real_key, dropped_row, dropped_entry, dropped_position, taken_out, taken_out_and_rebuilt,
    reordered, reordered_and_rebuilt, truncated, rolled_back, decision_column, erased_column, entry_column,
    position_column,
    tile_byte, tile_moved, tile_dropped, tile_added, checkpoint_root, checkpoint_note, checkpoint_size,
    last_checkpoint_dropped, checkpoint_by_another_key, forged_decision, emptied, key_destroyed, erasure_told_too_early,
    hidden_behind_an_erasure,
    listed_again, notice_changed, notice_dropped, policy_changed, artifact_changed, surface_dropped,
    document_of_another_kind, consent_byte, consent_widened_by_insider, consent_of_an_older_decision,
    consent_column, restriction_undone, lift_undone,
)  # fmt: skip
