"""The ``cookiegate`` command, a module per group of commands."""
