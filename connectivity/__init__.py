"""A test of a cluster's network: pods that talk with each other under policies, and what came out."""
