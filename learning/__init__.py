"""The learning side: tasks, training, update codec, attacks, verifier, aggregation."""
