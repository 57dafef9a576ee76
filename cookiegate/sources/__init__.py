"""Where a verifier outside the service learns of keys and withdrawals: files, addresses, Redis.

from cookiegate.sources.following import follow

with follow("demo", jwks="https://consent.example.jp/.well-known/jwks.json",
            statuses=["https://consent.example.jp/status/1"]) as verifier:
    gate = Gate(verifier, purpose="analytics")
"""
