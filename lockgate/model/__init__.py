"""Frozen views of what users declare. Nothing here does I/O."""
