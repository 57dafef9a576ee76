"""The built-in wording of notices: one YAML file per locale, all with the same keys."""
