"""The law in Python: what every participant must compute alike from chain and store."""
