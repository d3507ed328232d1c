"""A cluster by chance, the same for every engine that is measured."""

from __future__ import annotations

import random
from dataclasses import dataclass

NAMESPACES = 200
TIERS = 10


@dataclass(frozen=True)
class PodSpec:
    """A pod with labels ``app`` and ``tier``; each has an identity of its own."""

    namespace: str
    app: str
    tier: str


@dataclass(frozen=True)
class PolicySpec:
    """Pods of an app accept TCP port 80 from pods of a tier, and from an app, elsewhere."""

    name: str
    namespace: str
    app: str
    from_tier: tuple[str, str]
    """(namespace, tier)."""
    from_app: tuple[str, str]
    """(namespace, app)."""


@dataclass(frozen=True)
class Workload:
    """What is there, and what happens then, round by round."""

    teams: dict[str, str]
    """The label ``team`` of each namespace."""
    pods: list[PodSpec]
    local: int
    """How many of the pods, the first ones, are on the node."""
    policies: list[PolicySpec]
    new_policies: list[PolicySpec]
    new_pods: list[PodSpec]
    relabelled: list[str]


def workload(policies: int, identities: int, local: int, rounds: int) -> Workload:
    """Return a workload; the first ``local`` policies select one local pod each."""
    chance = random.Random(7)
    pods = [
        PodSpec(f"ns{number % NAMESPACES}", f"a{number}", f"x{number // NAMESPACES % TIERS}")
        for number in range(identities)
    ]

    def policy(name: str, pod: PodSpec) -> PolicySpec:
        tier, app = chance.choice(pods), chance.choice(pods)
        return PolicySpec(
            name, pod.namespace, pod.app, (tier.namespace, tier.tier), (app.namespace, app.app)
        )

    declared = [policy(f"p{number}", pods[number % identities]) for number in range(policies)]
    return Workload(
        {f"ns{number}": f"t{number % 20}" for number in range(NAMESPACES)},
        pods,
        local,
        declared,
        [policy(f"new{number}", pods[number]) for number in range(rounds)],
        # Each new pod is one that the policy of a local pod lets in.
        [
            PodSpec(declared[number].from_tier[0], f"new{number}", declared[number].from_tier[1])
            for number in range(rounds)
        ],
        [f"ns{number}" for number in range(rounds)],
    )
