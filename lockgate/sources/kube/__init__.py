"""Declarations from a Kubernetes API server, and what is written back to it."""
