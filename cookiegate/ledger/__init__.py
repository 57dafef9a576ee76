"""The proof: hashing of records, and receipts."""
