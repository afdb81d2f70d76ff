"""The judge: from revealed updates to the codes that a verifier votes."""
