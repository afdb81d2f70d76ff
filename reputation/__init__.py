"""MeritRank, exactly: pure numerics, no chain and no torch."""
