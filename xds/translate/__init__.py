"""From IR to encoded Envoy resources: pure functions, the same input gives the same bytes."""
