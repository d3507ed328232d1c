"""Clusters and what happens to them, as strategies of manifests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.property.policy.naive import Doc
from tests.property.policy.policies import THEMES
from tests.property.policy.vocabulary import (
    OUTSIDE,
    SPACES,
    TEAMS,
    TIERS,
    any_of,
    exactly,
    few,
    optional,
    pod_labels,
)

Key = tuple[str, str, str]

# Namespaces and pods.

space_labels = optional(team=any_of(TEAMS))
namespaces = any_of(SPACES).flatmap(
    lambda name: exactly(
        apiVersion="v1", kind="Namespace", metadata=exactly(name=name, labels=space_labels)
    )
)


def container(app: str | None) -> Doc:
    """Return a container whose ports differ from app to app, and within an app not at all.

    An egress rule finds the named ports of a peer by its identity; see ``test_departures.py``.
    """
    number = {"x": 80, "y": 8080, "z": 81}.get(app or "")
    web = [{"name": "web", "containerPort": number}] if number else []
    dns = [{"name": "dns", "containerPort": 53, "protocol": "UDP"}] if app != "y" else []
    return {"name": "c", "ports": [*web, *dns]}


@st.composite
def pods(draw: st.DrawFn) -> Doc:
    space, number = draw(any_of(SPACES[:2])), draw(st.integers(0, 2))
    labels = draw(pod_labels)
    # The address of a pod is its own, but a pod that comes again may have another.
    place, life = SPACES.index(space), draw(any_of((0, 0, 1)))
    four, six = f"10.{life}.{place}.{number}", f"fd00::{life}:{place}:{number}"
    addresses = draw(any_of(((four,), (four,), (six,), (four, six), (six, four))))
    spec: Doc = {"containers": [container(labels.get("app"))]}
    if draw(st.integers(0, 4)) == 0:
        spec["serviceAccountName"] = "robot"
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"p{number}", "namespace": space, "labels": labels},
        "spec": spec,
        "status": {"podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]},
    }  # fmt: skip


# Clusters and changes.


def key_of(document: Doc) -> Key:
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


@dataclass(frozen=True)
class Put:
    """An object is created, or replaced by another of its name."""

    document: Doc

    def apply(self, documents: dict[Key, Doc]) -> tuple[Doc | None, Doc | None]:
        """Change the cluster; return the object before and after."""
        key = key_of(self.document)
        old, documents[key] = documents.get(key), self.document
        return old, self.document


@dataclass(frozen=True)
class Delete:
    """The object at a place in the order of names is deleted."""

    place: int

    def apply(self, documents: dict[Key, Doc]) -> tuple[Doc | None, Doc | None]:
        """Change the cluster; return the object before and after."""
        if not documents:
            return None, None
        return documents.pop(sorted(documents)[self.place % len(documents)]), None


@dataclass(frozen=True)
class Relabel:
    """The pod or namespace at a place in the order of names gets other labels, or loses them."""

    place: int
    tier: Doc
    team: Doc

    def apply(self, documents: dict[Key, Doc]) -> tuple[Doc | None, Doc | None]:
        """Change the cluster; return the object before and after."""
        labelled = [key for key in sorted(documents) if key[0] in ("Pod", "Namespace")]
        if not labelled:
            return None, None
        key = labelled[self.place % len(labelled)]
        old = documents[key]
        labels = self.team
        if key[0] == "Pod":
            # Its ports go by its app, which stays.
            kept = old["metadata"]["labels"].items()
            labels = {**{name: text for name, text in kept if name == "app"}, **self.tier}
        documents[key] = {**old, "metadata": {**old["metadata"], "labels": labels}}
        return old, documents[key]


Change = Put | Delete | Relabel


@dataclass(frozen=True)
class Story:
    """A cluster, and what changes in it from tick to tick."""

    cluster: tuple[Doc, ...]
    ticks: tuple[tuple[Change, ...], ...]


def stories(theme: str, most: int = 6) -> st.SearchStrategy[Story]:
    """Return stories of policies of one theme."""
    policies = THEMES[theme]
    changes: st.SearchStrategy[Change] = st.one_of(
        st.builds(Put, policies),
        st.builds(Put, pods()),
        st.builds(Put, namespaces),
        st.builds(Delete, st.integers(0, 20)),
        st.builds(
            Relabel, st.integers(0, 8), optional(tier=any_of(TIERS)), optional(team=any_of(TEAMS))
        ),
    )
    return st.builds(
        lambda cluster, ticks: Story(cluster, tuple(map(tuple, ticks))),
        clusters(theme),
        st.lists(few(changes, 1, 3), min_size=3, max_size=most),
    )


def clusters(theme: str) -> st.SearchStrategy[tuple[Doc, ...]]:
    """Return clusters with policies of one theme; each object is there once."""
    return st.builds(
        lambda *parts: tuple(
            {key_of(document): document for part in parts for document in part}.values()
        ),
        few(namespaces, 0, 3),
        few(pods(), 2, 5),
        few(THEMES[theme], 2, 5),
    )


def ends_of(documents: Iterable[Doc]) -> list[str]:
    """Return who may stand at an end: the pods, the host, and addresses of the world."""
    keys = sorted(key_of(document) for document in documents)
    pods_here = [f"{key[1]}/{key[2]}" for key in keys if key[0] == "Pod"]
    return [*pods_here, "host", *OUTSIDE]
