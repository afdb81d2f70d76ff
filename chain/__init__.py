"""The chain side: nodes, deployment, keystores, contract client, event index, content store."""
