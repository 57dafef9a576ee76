"""Broken and forged consent tokens, made by code: each pair is a name and a text, and none of them may pass a gate.

A forger knows the public keys and any number of good tokens. Some are signed with the real key: what a careless issuer
would sign is refused too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from support.service import Bench

from cookiegate.tokens import base64url
from cookiegate.tokens.signing import SigningKey, sign_jws

#: The order of P-256 (FIPS 186-5).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Named = tuple[str, str]


def b64(value: Any) -> str:
    """Base64url of bytes, or of a value's JSON."""
    return base64url.encode(value if isinstance(value, bytes) else json.dumps(value).encode())


class Forger:
    """Makes tokens around one good token of the demo site.

    Args:
        bench: whose keys are attacked.
        good: a token that passes.
        foreign: a good token of another site.
    """

    def __init__(self, bench: Bench, good: str, foreign: str) -> None:
        self.key = bench.service.keyring.active
        self.good, self.foreign = good, foreign
        self.head, self.body, self.tail = good.split(".")
        self.claims: dict[str, Any] = json.loads(base64url.decode(self.body))
        self.now_s = bench.clock.now_ms() // 1000
        self.issuer = bench.service.settings.base_url
        self.stranger = ec.generate_private_key(ec.SECP256R1())
        self.header = {"alg": "ES256", "kid": self.key.kid, "typ": "consent+jwt"}

    def corpus(self) -> list[Named]:
        """Every token."""
        groups = (
            self.shapes(), self.spellings(), self.algorithms(), self.headers(), self.keys(), self.signatures(),
            self.payloads(), self.claim_types(), self.claim_values(), self.status_tricks(), self.other_tokens(),
        )  # fmt: skip
        return [named for group in groups for named in group]

    def signed(self, payload: Any, header: Any = None) -> str:
        """Anything under the real key, with any header."""
        head = b64(self.header if header is None else header)
        body = b64(payload)
        r, s = decode_dss_signature(self.key.private.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
        return f"{head}.{body}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def by_stranger(self, header: Any, key: Any = None, hash_: Any = None) -> str:
        """The good claims under somebody else's elliptic key."""
        head, key = b64(header), key or self.stranger
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(f"{head}.{self.body}".encode(), ec.ECDSA(hash_ or hashes.SHA256())))
        return f"{head}.{self.body}.{b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"

    def shapes(self) -> Iterator[Named]:
        texts = [
            "x", ".", "..", "...", "....", "a.b", "a.b.c", "a.b.c.d", "null", "undefined", "[object Object]", "Bearer",
            f"Bearer {self.good}", f"{self.good}.", f".{self.good}", f"{self.good}..", f"{self.head}.{self.body}",
            f"{self.head}.{self.body}.", f"{self.head}..{self.tail}", f".{self.body}.{self.tail}",
            f"{self.body}.{self.head}.{self.tail}", f"{self.good}.{self.good}", f"{self.good},{self.good}",
            f"{self.good} {self.good}", f"{self.good};x", self.good[::-1], self.good.upper(), self.good.lower(),
            self.good.replace(".", ":"), self.good.replace(".", "。"), self.good.replace("e", "е"), "é.é.é",
            "\U0001f36a.\U0001f36a.\U0001f36a", "a" * 4096, "a" * 4097, f"{self.good}{'A' * 4096}", "." * 4000,
            f"{'A' * 2000}.{self.body}.{self.tail}", "%2e.%2e.%2e", "../../../etc/passwd", "' OR '1'='1", "{{7*7}}",
            "${jndi:ldap://127.0.0.1/a}", "<script>alert(1)</script>", json.dumps({"payload": self.body}),
            json.dumps({"protected": self.head, "payload": self.body, "signature": self.tail}),
            f"{self.head}.{self.body}.{self.tail}.{self.tail}.{self.tail}",
        ]  # fmt: skip
        return ((f"shape {number}", text) for number, text in enumerate(texts))

    def spellings(self) -> Iterator[Named]:
        """Other ways to write the same bytes."""
        for name, part in (("head", 0), ("body", 1), ("tail", 2)):
            parts = self.good.split(".")
            raw = base64url.decode(parts[part])
            for kind, text in (
                ("padded", base64.urlsafe_b64encode(raw).decode().ljust(len(parts[part]) + 1, "=")),
                ("plain alphabet", base64.b64encode(raw).decode().rstrip("=") + "+"),
                ("inner padding", parts[part][:4] + "==" + parts[part][4:]),
                ("a space inside", parts[part][:4] + " " + parts[part][4:]),
                ("a tab inside", parts[part][:4] + "\t" + parts[part][4:]),
                ("a full-width letter", chr(ord(parts[part][0]) + 0xFEE0) + parts[part][1:]),
                ("hex", raw.hex()),
                ("one character less", parts[part][:-1]),
                ("one character more", parts[part] + "A"),
            ):
                yield f"{name} {kind}", ".".join([*parts[:part], text, *parts[part + 1 :]])
        for stray in range(1, 4):
            letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            last = letter[(letter.index(self.tail[-1]) & ~15) + stray] if stray else self.tail[-1]
            if last != self.tail[-1]:
                yield f"stray bits {stray}", self.good[:-1] + last

    def algorithms(self) -> Iterator[Named]:
        for alg in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            None,
            0,
            [],
            ["ES256"],
            {"ES256": 1},
            "es256",
            "ES256 ",
            "ES256K",
        ):
            for tail in ("", self.tail):
                yield f"alg {alg!r} {bool(tail)}", f"{b64({**self.header, 'alg': alg})}.{self.body}.{tail}"
        public = self.key.private.public_key()
        encodings = serialization.Encoding, serialization.PublicFormat
        secrets = {
            "pem": public.public_bytes(encodings[0].PEM, encodings[1].SubjectPublicKeyInfo),
            "der": public.public_bytes(encodings[0].DER, encodings[1].SubjectPublicKeyInfo),
            "point": public.public_bytes(encodings[0].X962, encodings[1].UncompressedPoint),
            "empty": b"",
            "kid": self.key.kid.encode(),
        }
        for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
            for name, secret in secrets.items():
                head = b64({**self.header, "alg": alg})
                tag = hmac.new(secret, f"{head}.{self.body}".encode(), digest).digest()
                yield f"{alg} with the {name}", f"{head}.{self.body}.{b64(tag)}"
        yield from self._other_curves()

    def _other_curves(self) -> Iterator[Named]:
        for alg, curve, digest in (
            ("ES384", ec.SECP384R1(), hashes.SHA384()), ("ES512", ec.SECP521R1(), hashes.SHA512()),
            ("ES256K", ec.SECP256K1(), hashes.SHA256()), ("ES256", ec.SECP256K1(), hashes.SHA256()),
        ):  # fmt: skip
            key = ec.generate_private_key(curve)
            yield f"{alg} {curve.name}", self.by_stranger({**self.header, "alg": alg}, key, digest)
        head = b64({**self.header, "alg": "EdDSA"})
        signature = ed25519.Ed25519PrivateKey.generate().sign(f"{head}.{self.body}".encode())
        yield "EdDSA", f"{head}.{self.body}.{b64(signature)}"
        rsa_key = rsa.generate_private_key(65537, 2048)
        for alg in ("RS256", "PS256"):
            head = b64({**self.header, "alg": alg})
            signature = rsa_key.sign(f"{head}.{self.body}".encode(), padding.PKCS1v15(), hashes.SHA256())
            yield alg, f"{head}.{self.body}.{b64(signature)}"

    def headers(self) -> Iterator[Named]:
        for name, value in (
            ("crit", ["exp"]), ("crit", []), ("crit", ["b64"]), ("b64", False), ("b64", True), ("crit", "exp"),
        ):  # fmt: skip
            yield f"{name} {value}", self.signed(self.claims, {**self.header, name: value})
        for typ in (
            "JWT",
            "at+jwt",
            "consent-receipt+jwt",
            "statuslist+jwt",
            "CONSENT+JWT",
            "",
            None,
            7,
            ["consent+jwt"],
        ):
            yield f"typ {typ!r}", self.signed(self.claims, {**self.header, "typ": typ})
        yield "no typ", self.signed(self.claims, {"alg": "ES256", "kid": self.key.kid})
        yield "no kid", self.signed(self.claims, {"alg": "ES256", "typ": "consent+jwt"})
        yield "an empty header", self.signed(self.claims, {})
        yield "a list for a header", self.signed(self.claims, [self.header])
        yield "a long header", self.signed(self.claims, {**self.header, "x": "x" * 2000})
        yield "a deep header", self.signed(self.claims, b'{"x":' + b"[" * 700 + b"]" * 700 + b"}")
        twice = json.dumps(self.header).encode()[:-1] + b',"alg":"none"}'
        yield "alg twice", self.signed(self.claims, twice)
        yield "kid twice", self.signed(self.claims, json.dumps(self.header).encode()[:-1] + b',"kid":"x"}')

    def keys(self) -> Iterator[Named]:
        """The claims under a stranger's key, with every way to point at it."""
        for kid in (
            "other", "", None, 0, True, [], {}, self.key.kid.lower() + "x", f"{self.key.kid}\x00", f" {self.key.kid}",
            "../../../dev/null", "/dev/null", "file:///dev/null", "' UNION SELECT 'x", "| id", "http://127.0.0.1:1/k",
            "k" * 800,
        ):  # fmt: skip
            yield f"kid {str(kid)[:20]!r}", self.by_stranger({**self.header, "kid": kid})
        numbers = self.stranger.public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": b64(numbers.x.to_bytes(32, "big")),
            "y": b64(numbers.y.to_bytes(32, "big")),
        }
        address = "http://127.0.0.1:1/jwks.json"
        for name, value in (
            ("jwk", jwk), ("jku", address), ("x5u", address), ("x5c", ["AAAA"]), ("x5t", "AAAA"), ("x5t#S256", "AAAA"),
            ("jwks", {"keys": [jwk]}), ("key", jwk), ("p2c", 10**9), ("zip", "DEF"), ("enc", "A256GCM"), ("cty", "JWT"),
        ):  # fmt: skip
            yield f"brings {name}", self.by_stranger({**self.header, name: value})
            yield f"brings {name} alone", self.by_stranger({"alg": "ES256", "typ": "consent+jwt", name: value})
        yield "a stranger's key", self.by_stranger(self.header)

    def signatures(self) -> Iterator[Named]:
        raw = base64url.decode(self.tail)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        zero, order, whole = bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32
        for name, signature in (
            ("none", b""), ("r is 0", zero + raw[32:]), ("s is 0", raw[:32] + zero), ("both are 0", zero + zero),
            ("both are n", order + order), ("r is n", order + raw[32:]), ("s is n", raw[:32] + order),
            ("all bits", whole + whole), ("half", raw[:32]), ("one byte less", raw[:-1]),
            ("one byte more", raw + b"\x00"),
            ("a zero before", b"\x00" + raw), ("twice", raw + raw), ("swapped", raw[32:] + raw[:32]),
            ("DER", encode_dss_signature(r, s)), ("r is 1", (1).to_bytes(32, "big") + raw[32:]),
            ("r + n", ((r + ORDER) % 2**256).to_bytes(32, "big") + raw[32:]),
            ("n - r", (ORDER - r).to_bytes(32, "big") + raw[32:]),
            ("reversed", raw[::-1]), ("long", raw * 20),
        ):  # fmt: skip
            yield f"signature {name}", f"{self.head}.{self.body}.{b64(signature)}"
        for place in range(0, 64, 7):
            flipped = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
            yield f"a bit of the signature at {place}", f"{self.head}.{self.body}.{b64(flipped)}"
        yield "more scope", f"{self.head}.{b64({**self.claims, 'scope': 'analytics advertising'})}.{self.tail}"
        yield "the other's signature", f"{self.head}.{self.body}.{self.foreign.split('.')[2]}"

    def payloads(self) -> Iterator[Named]:
        good = json.dumps(self.claims).encode()
        for name, payload in (
            ("empty", b""), ("a list", b"[]"), ("null", b"null"), ("a text", b'"x"'), ("cut", good[:-1]),
            ("UTF-16", good.decode().encode("utf-16")),
            ("not UTF-8", b"\xff\xfe"), ("NaN", good[:-1] + b',"x":NaN}'), ("deep", b"[" * 1200),
            ("with a mark", b"\xef\xbb\xbf" + good),
            ("two objects", good + good), ("a nested token", json.dumps(self.good).encode()),
            ("a long number", b'{"iat":' + b"9" * 900 + b"}"),
        ):  # fmt: skip
            yield f"payload {name}", self.signed(payload)
        for name in ("aud", "exp", "scope", "sub", "status"):
            yield f"{name} twice", self.signed(good[:-1] + f',"{name}":{json.dumps(self.claims[name])}}}'.encode())

    def claim_types(self) -> Iterator[Named]:
        for name in ("iss", "aud", "sub", "iat", "exp", "pv", "ep", "scope", "acquire", "status"):
            claims = {key: value for key, value in self.claims.items() if key != name}
            yield f"no {name}", self.signed(claims)
            for value in (None, True, -1, 1.5, [], [self.claims[name]], {}, {"x": self.claims[name]}, "x" * 3000):
                yield f"{name} {str(value)[:20]}", self.signed({**claims, name: value})

    def claim_values(self) -> Iterator[Named]:
        now_s = self.now_s
        for name, changes in (
            ("another site", {"aud": "other"}), ("the site in capitals", {"aud": "DEMO"}),
            ("a site with a space", {"aud": "demo "}),
            ("another issuer", {"iss": "https://evil.test"}), ("issuer with a slash", {"iss": f"{self.issuer}/"}),
            ("issuer as a prefix", {"iss": f"{self.issuer}.evil.test"}),
            ("expired", {"iat": now_s - 1000, "exp": now_s - 100}),
            ("expires now", {"iat": now_s - 900, "exp": now_s - 2}),
            ("from the future", {"iat": now_s + 61, "exp": now_s + 900}),
            ("lives a day", {"exp": now_s + 86_400}), ("lives for ever", {"exp": 2**53}),
            ("ends before it begins", {"exp": now_s - 1, "iat": now_s}),
            ("good later", {"nbf": now_s + 500}), ("good since a text", {"nbf": "0"}),
            ("good since yes", {"nbf": True}), ("good since 1969", {"nbf": -1}),
            ("of 1970", {"iat": 0, "exp": 900}), ("of no policy", {"pv": 0}), ("an epoch below nought", {"ep": -1}),
            ("an endless epoch", {"ep": 2**60}), ("an empty scope", {"scope": ""}),
            ("scope as commas", {"scope": "security,analytics"}),
            ("scope with a line", {"scope": "security\nanalytics"}), ("another purpose", {"scope": "advertising"}),
            ("every purpose", {"scope": "*"}), ("an empty subject", {"sub": ""}),
            ("times as texts", {"iat": str(now_s), "exp": str(now_s + 900)}),
        ):  # fmt: skip
            yield name, self.signed({**self.claims, **changes})

    def status_tricks(self) -> Iterator[Named]:
        own = self.claims["status"]["status_list"]
        for name, place in (
            ("index past the end", {**own, "idx": 2**30}), ("a huge index", {**own, "idx": 2**53}),
            ("index below nought", {**own, "idx": -1}),
            ("another list", {**own, "uri": f"{self.issuer}/status/2"}),
            ("another issuer's list", {**own, "uri": "https://evil.test/status/1"}),
            ("a list by another spelling", {**own, "uri": f"{self.issuer}/status/01"}),
            ("a list with a query", {**own, "uri": own["uri"] + "?x"}),
            ("a list with a fragment", {**own, "uri": own["uri"] + "#x"}),
            ("a list in capitals", {**own, "uri": own["uri"].upper()}),
            ("a file", {**own, "uri": "file:///etc/passwd"}), ("no address", {"idx": own["idx"]}),
            ("no index", {"uri": own["uri"]}),
            ("index as a text", {**own, "idx": str(own["idx"])}), ("index as a half", {**own, "idx": 0.5}),
            ("an empty place", {}),
        ):  # fmt: skip
            yield f"status: {name}", self.signed({**self.claims, "status": {"status_list": place}})
        yield "status: another mechanism", self.signed({**self.claims, "status": {"identifier_list": own}})

    def other_tokens(self) -> Iterator[Named]:
        """Genuine ones, of another kind or for somebody else."""
        yield "another site's token", self.foreign
        generated = SigningKey(self.key.kid, self.key.key)
        yield (
            "a status list",
            sign_jws(generated, "statuslist+jwt", {"sub": f"{self.issuer}/status/1", "iat": self.now_s}),
        )
        yield "a receipt", sign_jws(generated, "consent-receipt+jwt", self.claims)
