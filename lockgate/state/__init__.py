"""Tables with keyed deltas, and derivations that recompute only what a change touches."""

from lockgate.state.derivation import Derivation, Fetch, Graph, Union
from lockgate.state.table import Index, Table

__all__ = ["Derivation", "Fetch", "Graph", "Index", "Table", "Union"]
