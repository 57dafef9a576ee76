"""The record: one contract, an engine per URI scheme."""
