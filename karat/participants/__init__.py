"""What each kind of participant does, step by step: sponsor, trainer, verifier."""
