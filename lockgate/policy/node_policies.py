"""The policies that select this node by its labels."""

from __future__ import annotations

from lockgate.model.meta import Labels
from lockgate.model.policy import Policy
from lockgate.policy.declared import PolicyKey
from lockgate.policy.matching import Matching

HOST = "host"
"""This node among the endpoints; pods' names have a slash."""


class NodePolicies:
    """Which policies of nodes hold here; whoever asks learns whether that changed meanwhile."""

    def __init__(self) -> None:
        self._matching: Matching[PolicyKey, str] = Matching()
        self._labels: Labels = ()
        self._changed = False
        self._matching.set_member(HOST, ())

    def set_labels(self, labels: Labels) -> None:
        """Take in the node's labels."""
        if labels != self._labels:
            self._labels = labels
            gained, lost = self._matching.set_member(HOST, labels)
            self._changed |= bool(gained or lost)

    def note(self, key: PolicyKey, policy: Policy | None) -> None:
        """Take in a policy, or forget it; one of endpoints is none."""
        if self._matching.knows(key):
            self._changed |= bool(self._matching.remove_selector(key))
        if policy is not None and policy.subject_kind == "node":
            self._changed |= bool(self._matching.add_selector(key, policy.subject))

    def take_changed(self) -> bool:
        """Say whether the policies that hold changed since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def keys(self) -> set[PolicyKey]:
        """Return the policies that hold."""
        return self._matching.selecting(HOST)

    def holds(self, key: PolicyKey) -> bool:
        """Say whether a policy is one of those that hold."""
        return key in self._matching.selecting(HOST)
