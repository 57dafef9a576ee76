"""Backups of the record, and the way back: what a copy holds, whether it is whole, what is lost with it."""
