"""What contracts check of a reputation: integers under a Merkle root."""
