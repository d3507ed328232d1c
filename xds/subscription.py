"""What one stream wants, holds and is owed of one resource type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from xds.resource import Resource


@dataclass(frozen=True, slots=True)
class Sent:
    """A response that is not acknowledged yet."""

    nonce: str
    versions: Mapping[str, str]
    """The resources that are new to the client, also where the response repeats others."""
    removed: tuple[str, ...]


@dataclass(slots=True)
class Subscription:
    """The state of one resource type on a stream."""

    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    """Versions the client holds or was sent."""
    digest: int = 0
    """Of all that is held, whatever the order it came in."""
    dirty: dict[str, None] = field(default_factory=dict)
    """Names that may have to be sent, the longest waiting first."""
    gone: set[str] = field(default_factory=set)
    """Held names without a resource, to be withdrawn."""
    unanswered: set[str] = field(default_factory=set)
    """Names asked for: answered even if there is no such resource."""
    greeting_due: bool = False
    """A wildcard was asked for and nothing answered yet; an empty answer counts."""
    suspects: list[tuple[str, ...]] = field(default_factory=list)
    """Parts of a refused response, to be sent again each on its own."""
    refused: dict[str, str] = field(default_factory=dict)
    pending: Sent | None = None

    def wants(self, name: str) -> bool:
        """Tell whether a resource is subscribed to."""
        return self.wildcard or name in self.names

    @property
    def may_greet(self) -> bool:
        """Whether an empty answer is due: never while there is something that only waits."""
        return self.greeting_due and not self.dirty and not self.suspects

    def mark(self, names: Iterable[str]) -> None:
        """Look at these names again before the next response."""
        self.dirty.update(dict.fromkeys(names))

    def hold(self, name: str, version: str) -> None:
        """Count a version as held."""
        self.release(name)
        self.held[name] = version
        self.digest ^= digest_of(name, version)

    def release(self, name: str) -> None:
        """Count nothing as held under a name."""
        version = self.held.pop(name, None)
        if version is not None:
            self.digest ^= digest_of(name, version)

    def needs(self, item: Resource) -> bool:
        """Tell whether this version is neither held nor known to be refused."""
        return item.version not in (self.held.get(item.name), self.refused.get(item.name))

    def take(
        self,
        present: Mapping[str, Resource],
        limit: int,
        *,
        only_answers: bool,
        absent_is_final: bool,
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return up to ``limit`` versions to send now, and names to answer with nothing.

        What needs nothing more is forgotten.

        Args:
            present: all resources of the type.
            only_answers: leave changes for later, take only names asked for and not answered.
            absent_is_final: what is not present does not exist; else it may still come.
        """
        while self.suspects and not only_answers:
            part = self._needed(present, self.suspects.pop())
            if part:
                for name in part:
                    self.dirty.pop(name, None)
                return part, ()
        taken, absent = self._take_waiting(present, limit, only_answers=only_answers)
        return taken, tuple(sorted(absent)) if absent_is_final else ()

    def _take_waiting(
        self, present: Mapping[str, Resource], limit: int, *, only_answers: bool
    ) -> tuple[dict[str, str], list[str]]:
        taken: dict[str, str] = {}
        absent: list[str] = []
        done: list[str] = []
        suspected = {name for part in self.suspects for name in part}
        for name in self.dirty:
            if len(taken) == limit:
                break
            if only_answers and name not in self.unanswered:
                continue
            item = present.get(name)
            if item is None and name in self.unanswered:
                absent.append(name)
                continue
            done.append(name)
            if item is None:
                if name in self.held:
                    self.gone.add(name)
            elif name not in suspected and self.wants(name) and self.needs(item):
                taken[name] = item.version
        for name in done:
            del self.dirty[name]
        self.unanswered.difference_update(done)
        return taken, absent

    def _needed(self, present: Mapping[str, Resource], names: Iterable[str]) -> dict[str, str]:
        return {
            name: present[name].version
            for name in names
            if name in present and self.wants(name) and self.needs(present[name])
        }

    def withdrawable(self, present: Mapping[str, Resource]) -> tuple[str, ...]:
        """Return the held names that no resource stands for any more, and forget them."""
        gone = tuple(sorted(n for n in self.gone if n not in present and n in self.held))
        self.gone.clear()
        return gone

    def sent(self, nonce: str, versions: Mapping[str, str], removed: tuple[str, ...]) -> None:
        """Take note of a response that is on its way."""
        self.pending = Sent(nonce, versions, removed)
        self.greeting_due = False
        for name, version in versions.items():
            self.hold(name, version)
            self.unanswered.discard(name)
        for name in removed:
            self.release(name)
            self.unanswered.discard(name)
            self.dirty.pop(name, None)

    def refuse(self, sent: Sent) -> str | None:
        """Take a response back; return the name at fault if only one can be.

        Of several, each half is sent again on its own, until the faulty one stands alone.
        """
        for name, version in sent.versions.items():
            if self.held.get(name) == version:
                self.release(name)
        names = tuple(sent.versions)
        if len(names) == 1:
            self.refused[names[0]] = sent.versions[names[0]]
            return names[0]
        if names:
            middle = len(names) // 2
            self.suspects += [names[:middle], names[middle:]]
        return None


def digest_of(name: str, version: str) -> int:
    """Return 64 bits that stand for one version of one resource."""
    made = blake2b(f"{name}\0{version}".encode(), digest_size=8).digest()
    return int.from_bytes(made, "big")
