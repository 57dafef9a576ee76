"""The answers of ``/ledger``, as the API's description shows them."""

from __future__ import annotations

from marshmallow import Schema, fields


class InclusionProofSchema(Schema):
    """That an entry is in the tree of a checkpoint (RFC 9162 section 2.1.3)."""

    entry = fields.String(required=True)
    leaf = fields.String(required=True, metadata={"description": "The entry's hash, hex; a receipt holds the same."})
    index = fields.Integer(required=True, metadata={"description": "Its position, from 0."})
    size = fields.Integer(required=True, metadata={"description": "Entries of the tree."})
    root = fields.String(required=True, metadata={"description": "Hash of the tree, hex."})
    proof = fields.List(
        fields.String(), required=True, metadata={"description": "Hashes beside its way up, lowest first, base64."}
    )
    checkpoint = fields.String(required=True, metadata={"description": "The signed note over size and root."})


#: ``from`` is a word of Python's own, so this one is made from a map.
ConsistencyProofSchema = Schema.from_dict(
    {
        "from": fields.Integer(required=True, metadata={"description": "Entries of the older tree."}),
        "to": fields.Integer(required=True, metadata={"description": "Entries of the newer tree."}),
        "proof": fields.List(fields.String(), required=True, metadata={"description": "Hashes, base64."}),
    },
    name="ConsistencyProofSchema",
)
