"""A whole network on one machine: honest trainers, attackers and verifiers on a real chain."""
