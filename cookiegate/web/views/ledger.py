"""The ledger for everybody: checkpoint, key, proofs, tiles. Hashes only; records are personal and never published."""

from __future__ import annotations

from base64 import b64encode

from flask import Blueprint, Response, request

from cookiegate.errors import InvalidInputError
from cookiegate.ledger.tiles import read_tile_path
from cookiegate.web.call import json_reply
from cookiegate.web.service import Service
from cookiegate.web.views.responses import to_response

TEXT = "text/plain; charset=utf-8"
FOR_EVER = "public, max-age=31536000, immutable"
#: A checkpoint is replaced within a second.
MOMENT = "public, max-age=1"


def make_ledger_blueprint(service: Service) -> Blueprint:
    """Public routes without cookies, open to scripts of any origin."""
    blueprint = Blueprint("ledger", __name__, url_prefix="/ledger")
    ledger = service.ledger
    blueprint.after_request(_open)

    @blueprint.get("/checkpoint")
    def checkpoint() -> Response:
        """The newest checkpoint, a signed note (C2SP tlog-checkpoint)."""
        return _publish(ledger.checkpoint().encode(), TEXT, MOMENT)

    @blueprint.get("/key")
    def key() -> Response:
        """The key that checkpoints are checked with, as a vkey text."""
        return _publish(f"{service.sealer.verifier.vkey}\n".encode(), TEXT, "public, max-age=3600")

    @blueprint.get("/proof/<entry>")
    def proof(entry: str) -> Response:
        """That a decision or another entry is in the ledger."""
        return to_response(json_reply(ledger.proof(entry).document()))

    @blueprint.get("/consistency")
    def consistency() -> Response:
        """That the tree of ``from`` entries is a prefix of that of ``to``."""
        old, new = _size("from"), _size("to")
        path = [b64encode(part).decode() for part in ledger.consistency(old, new)]
        return to_response(json_reply({"from": old, "to": new, "proof": path}))

    @blueprint.get("/tile/<level>/<path:path>")
    def tile(level: str, path: str) -> Response:
        """Hashes of the tree (C2SP tlog-tiles)."""
        return _publish(ledger.tile(read_tile_path(level, path)), "application/octet-stream", FOR_EVER)

    return blueprint


def _open(response: Response) -> Response:
    """Any script may read it, errors too: it is public, and nothing in it depends on who asks."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _publish(body: bytes, media_type: str, caching: str) -> Response:
    return Response(body, headers={"Content-Type": media_type, "Cache-Control": caching})


def _size(name: str) -> int:
    text = request.args.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInputError("the sizes do not fit", errors={name: ["is a whole number, the size of a tree"]})
    return int(text)
