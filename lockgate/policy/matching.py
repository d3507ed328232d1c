"""Which selectors select which labelled members, kept up to date from both sides.

A selector is filed under the label pairs that its most telling requirement asks for, a member
under each of its own, so that a change on either side is held only against what can match it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from lockgate.model.meta import Labels
from lockgate.model.selector import LabelSelector

S = TypeVar("S", bound=Hashable)
M = TypeVar("M", bound=Hashable)

Term = tuple[str, str | None]
"""A label pair; with None, the key alone whatever its value."""
_ANYTHING: Term = ("", None)


class Matching(Generic[S, M]):
    """An incremental join of selectors, each known by a key, and members with labels."""

    def __init__(self) -> None:
        self._selectors: dict[S, LabelSelector] = {}
        self._filed: dict[S, tuple[Term, ...]] = {}
        self._by_term: dict[Term, dict[S, None]] = {}
        self._labels: dict[M, dict[str, str]] = {}
        self._members: dict[Term, dict[M, None]] = {}
        self._selected: dict[S, set[M]] = {}
        self._selecting: dict[M, set[S]] = {}

    def add_selector(self, key: S, selector: LabelSelector) -> set[M]:
        """File a selector and return the members it selects; the set is live."""
        terms = self._terms(selector)
        self._selectors[key], self._filed[key] = selector, terms
        for term in terms:
            self._by_term.setdefault(term, {})[key] = None
        candidates = {member for term in terms for member in self._members.get(term, ())}
        selected = {member for member in candidates if selector.matches(self._labels[member])}
        self._selected[key] = selected
        for member in selected:
            self._selecting[member].add(key)
        return selected

    def remove_selector(self, key: S) -> set[M]:
        """Forget a selector and return the members it selected."""
        del self._selectors[key]
        for term in self._filed.pop(key):
            _discard(self._by_term, term, key)
        selected = self._selected.pop(key)
        for member in selected:
            self._selecting[member].discard(key)
        return selected

    def set_member(self, member: M, labels: Labels | None) -> tuple[set[S], set[S]]:
        """Write a member's labels, None for no such member any more.

        Returns: the selectors that select it now and did not before, and the reverse.
        """
        before = self._selecting.get(member, set())
        for term in _terms_of(self._labels.pop(member, None)):
            _discard(self._members, term, member)
        after: set[S] = set()
        if labels is not None:
            held = dict(labels)
            self._labels[member] = held
            terms = _terms_of(held)
            for term in terms:
                self._members.setdefault(term, {})[member] = None
            candidates = {key for term in terms for key in self._by_term.get(term, ())}
            after = {key for key in candidates if self._selectors[key].matches(held)}
        gained, lost = after - before, before - after
        for key in gained:
            self._selected[key].add(member)
        for key in lost:
            self._selected[key].discard(member)
        if labels is None:
            self._selecting.pop(member, None)
        else:
            self._selecting[member] = after
        return gained, lost

    def knows(self, key: S) -> bool:
        """Say whether a selector is filed under this key."""
        return key in self._selectors

    def selected(self, key: S) -> set[M]:
        """Return the members a selector selects; the set is live."""
        return self._selected[key]

    def selecting(self, member: M) -> set[S]:
        """Return the selectors that select a member."""
        return self._selecting.get(member, set())

    def _terms(self, selector: LabelSelector) -> tuple[Term, ...]:
        """Return the terms of the requirement that the fewest members meet."""
        choices: list[tuple[Term, ...]] = [(_ANYTHING,)]
        for entry in selector.requirements:
            if entry.operator == "In":
                choices.append(tuple((entry.key, value) for value in entry.values))
            elif entry.operator == "Exists":
                choices.append(((entry.key, None),))
        # Of equals the later: a value tells more than a key, a key more than nothing.
        return min(
            reversed(choices),
            key=lambda terms: sum(len(self._members.get(term, ())) for term in terms),
        )


def _terms_of(labels: dict[str, str] | None) -> list[Term]:
    if labels is None:
        return []
    keys: Iterable[Term] = ((key, None) for key in labels)
    return [_ANYTHING, *labels.items(), *keys]


def _discard(groups: dict[Term, dict[S, None]], term: Term, member: S) -> None:
    group = groups[term]
    del group[member]
    if not group:
        del groups[term]
