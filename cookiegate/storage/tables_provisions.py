"""The table of provisions to third parties. What it says of a person is encrypted under the record's own key."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.tables import metadata

#: ``lump`` is a keyed hash of what one record covers, so that it is written once; ``person`` one of site and subject,
#: so that a person's records are found. ``exception`` is the code of the legal exception, if one was used.
provisions = sa.Table(
    "provisions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("lump", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("person", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("exception", sa.String(32)),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("provided_at_ms", sa.BigInteger, nullable=False, index=True),
)
