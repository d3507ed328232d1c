"""The node daemon: composition root of everything that runs on a node."""
