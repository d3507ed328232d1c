"""What the annotations of an Ingress ask for."""

from ingress.annotations.read import read_options

__all__ = ["read_options"]
