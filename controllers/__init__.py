"""The operator: what one process decides for the whole cluster, and forwarding never waits for."""
