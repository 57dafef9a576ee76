"""What ``make bench`` runs: each figure as a ratio against a peer or a limit, measured in the same run."""
