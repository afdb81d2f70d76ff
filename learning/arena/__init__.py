"""The arena: every attack against every defence, and who walks away with the rewards."""
