"""Long-running work: a trainer and a verifier that survive restarts, bad input and dead peers."""
