"""HTTP: a thin front for the hot answers, Flask behind it."""
