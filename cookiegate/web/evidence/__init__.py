"""Evidence: one decision with everything that proves it, to hand to someone who need not believe us."""
