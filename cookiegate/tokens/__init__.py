"""Keys, consent tokens and status lists. Verifying needs no Flask, no SQL and no network."""
