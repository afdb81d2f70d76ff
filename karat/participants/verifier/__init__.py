"""The verifier: scores rounds, votes, serves on juries, attests models and reputations."""
