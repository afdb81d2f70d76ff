"""The trainer: trains, publishes, commits, reveals, claims."""
