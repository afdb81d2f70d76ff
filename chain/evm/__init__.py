"""An EVM chain: nodes, keys, transactions, logs, ABI. Knows no contract of Karat's, no devnet."""
