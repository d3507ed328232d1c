"""Clusters and what happens to them, as strategies of manifests.

Names, labels, ports and blocks are few, so that what is drawn has to do with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.property.policy.naive import ACCOUNT, PLACE, PLACE_LABELS, Doc

Docs = st.SearchStrategy[Doc]
Key = tuple[str, str, str]

SPACES, APPS, TIERS, TEAMS = ("a", "b", "c"), ("x", "y", "z"), ("1", "2"), ("red", "blue")
OUTSIDE = ("192.0.2.10", "198.51.100.7", "2001:db8::7")
PORTS = ((80, "TCP"), (81, "TCP"), (8080, "TCP"), (53, "UDP"), (80, "SCTP"))
BLOCKS = (
    "0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.1.0.0/16", "10.0.0.0/30", "10.0.0.1/32",
    "192.0.2.0/24", "192.0.2.77/28", "::/0", "fd00::/16", "fd00::1:0/126", "2001:db8::/32",
)  # fmt: skip
EXCEPT = {
    "0.0.0.0/0": ("10.0.0.0/16", "10.0.0.1/32", "192.0.2.0/25"),
    "10.0.0.0/8": ("10.0.0.0/16", "10.0.1.0/31", "10.1.0.0/16"),
    "10.0.1.0/24": ("10.0.1.0/30", "10.0.1.1/32"),
    "192.0.2.0/24": ("192.0.2.10/32",),
    "::/0": ("fd00::/16", "2001:db8::7/128"),
}


def optional(**members: st.SearchStrategy[Any]) -> Docs:
    return st.fixed_dictionaries({}, optional=members)


def exactly(**members: Any) -> Docs:
    return st.fixed_dictionaries(
        {
            key: value if isinstance(value, st.SearchStrategy) else st.just(value)
            for key, value in members.items()
        }
    )


def few(items: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(items, min_size=least, max_size=most)


def mostly(usual: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any], odds: int) -> Docs:
    """Draw the seldom one once in so many times; ``one_of`` would take both alike."""
    return st.integers(0, odds - 1).flatmap(lambda number: usual if number else seldom)


any_of = st.sampled_from

# Namespaces and pods.

space_labels = optional(team=any_of(TEAMS))
namespaces = any_of(SPACES).flatmap(
    lambda name: exactly(
        apiVersion="v1", kind="Namespace", metadata=exactly(name=name, labels=space_labels)
    )
)

pod_labels = optional(app=any_of(APPS), tier=any_of(TIERS))


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
    address = draw(
        any_of((f"10.{life}.{place}.{number}",) * 3 + (f"fd00::{life}:{place}:{number}",))
    )
    spec: Doc = {"containers": [container(labels.get("app"))]}
    if draw(st.integers(0, 4)) == 0:
        spec["serviceAccountName"] = "robot"
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"p{number}", "namespace": space, "labels": labels},
        "spec": spec,
        "status": {"podIP": address},
    }  # fmt: skip


# Selectors.


def expressions(key: str, values: tuple[str, ...]) -> Docs:
    chosen = st.lists(any_of(values), min_size=1, max_size=2, unique=True)
    return exactly(key=key, operator=any_of(("In", "NotIn")), values=chosen) | exactly(
        key=key, operator=any_of(("Exists", "DoesNotExist"))
    )


selectors: Docs = st.one_of(
    st.just({}),
    exactly(matchLabels=pod_labels),
    exactly(matchLabels=exactly(app=any_of(APPS))),
    exactly(matchExpressions=few(expressions("app", APPS) | expressions("tier", TIERS), 1)),
    exactly(
        matchLabels=optional(tier=any_of(TIERS)), matchExpressions=few(expressions("app", APPS))
    ),
)
space_selectors: Docs = st.one_of(
    st.just({}),
    exactly(matchLabels=exactly(team=any_of(TEAMS))),
    exactly(matchLabels=exactly(**{"kubernetes.io/metadata.name": any_of(SPACES)})),
    exactly(matchExpressions=few(expressions("team", TEAMS), 1)),
)


def _placed(selector: Doc, labels: Doc, more: list[Doc]) -> Doc:
    return {
        "matchLabels": {**selector.get("matchLabels", {}), **labels},
        "matchExpressions": [*selector.get("matchExpressions", []), *more],
    }


places = st.one_of(
    exactly(**{f"k8s:{PLACE}": any_of(SPACES)}),
    exactly(**{PLACE: any_of(SPACES)}),
    exactly(**{f"k8s:{PLACE_LABELS}team": any_of(TEAMS)}),
)
place_expressions = st.one_of(
    expressions(f"k8s:{PLACE}", SPACES), expressions(f"k8s:{PLACE_LABELS}team", TEAMS)
)
placed_selectors: Docs = st.one_of(
    st.builds(_placed, selectors, places, st.just([])),
    st.builds(_placed, selectors, st.just({}), few(place_expressions, 1, 1)),
    exactly(matchLabels=exactly(**{f"k8s:{ACCOUNT}": any_of(("robot", "default"))})),
    exactly(matchLabels=exactly(**{"any:app": any_of(APPS)})),
)
endpoint_selectors = mostly(selectors, placed_selectors, 3)


# NetworkPolicy.


def _block(cidr: str) -> Docs:
    inner = EXCEPT.get(cidr)
    if inner is None:
        return exactly(cidr=cidr)
    excluded = st.lists(any_of(inner), max_size=2, unique=True)
    return st.fixed_dictionaries({"cidr": st.just(cidr)}, optional={"except": excluded})


blocks = any_of(BLOCKS).flatmap(_block)
kubernetes_peers: Docs = st.one_of(
    exactly(ipBlock=blocks),
    exactly(podSelector=selectors),
    exactly(namespaceSelector=space_selectors),
    exactly(namespaceSelector=space_selectors, podSelector=selectors),
)
kubernetes_ports: Docs = st.one_of(
    exactly(port=any_of((80, 8080))),
    exactly(port=any_of(("web", "dns", "none"))),
    exactly(port="dns", protocol="UDP"),
    exactly(port=any_of((1, 80)), endPort=any_of((80, 81, 9000))),
    exactly(port=53, endPort=60, protocol=any_of(("TCP", "UDP", "SCTP"))),
    exactly(protocol=any_of(("TCP", "UDP", "SCTP"))),
)


def kubernetes_rules(word: str) -> st.SearchStrategy[list[Doc]]:
    rule: Docs = optional(**{word: few(kubernetes_peers), "ports": few(kubernetes_ports)})
    return few(rule)


kubernetes_specs = st.builds(
    lambda subject, rest: {"podSelector": subject, **rest},
    selectors,
    optional(
        ingress=kubernetes_rules("from"),
        egress=kubernetes_rules("to"),
        policyTypes=st.lists(any_of(("Ingress", "Egress")), unique=True),
    ),
)

# LockgateNetworkPolicy and LockgateClusterwideNetworkPolicy.

http_rules: Docs = st.one_of(
    optional(
        method=any_of(("GET", "GET|PUT", "P.T")), path=any_of(("/", "/a", "/a/.*", "/(a|b)?"))
    ),
    exactly(host="shop.*"),
    exactly(headers=few(any_of(("X-Key", "X-Key: 1")), 1, 1)),
)
numbered_ports: Docs = st.one_of(
    exactly(port=any_of(("80", "8080"))),
    exactly(port=any_of(("web", "dns", "WEB"))),
    exactly(port="web", protocol=any_of(("TCP", "UDP"))),
    exactly(port=any_of(("1", "79")), endPort=any_of((80, 81, 9000))),
    exactly(port="0", protocol=any_of(("TCP", "UDP", "SCTP", "ANY"))),
    exactly(port="53", protocol="UDP"),
)
spoken_ports: Docs = st.one_of(
    exactly(port=any_of(("80", "8080", "web")), protocol="TCP"),
    exactly(port="80", endPort=any_of((80, 90)), protocol="TCP"),
)
silent_items: Docs = mostly(exactly(ports=few(numbered_ports, 1)), st.just({}), 8)
spoken_items: Docs = exactly(ports=few(spoken_ports, 1), rules=exactly(http=few(http_rules, 1)))
mute_items: Docs = exactly(ports=few(spoken_ports, 1), rules=optional(http=st.just([])))
allow_items: Docs = mostly(silent_items, mostly(spoken_items, mute_items, 8), 2)


def lockgate_entries(word: str, items: Docs) -> Docs:
    endpoints = f"{word}Endpoints"
    others: Docs = st.one_of(
        st.just({}),
        exactly(**{endpoints: few(endpoint_selectors)}),
        exactly(**{f"{word}Entities": few(any_of(("all", "cluster", "world", "host", "none")))}),
        exactly(**{f"{word}CIDR": few(any_of((*BLOCKS, "192.0.2.10")))}),
        exactly(**{f"{word}CIDRSet": few(blocks)}),
    )
    peers = mostly(exactly(**{endpoints: few(endpoint_selectors, 1)}), others, 2)
    ports = mostly(exactly(toPorts=few(items, 1)), optional(toPorts=st.just([])), 3)
    return st.builds(lambda one, other: {**one, **other}, peers, ports)


SECTIONS = {
    "ingress": lockgate_entries("from", allow_items),
    "ingressDeny": lockgate_entries("from", silent_items),
    "egress": lockgate_entries("to", allow_items),
    "egressDeny": lockgate_entries("to", silent_items),
}


@st.composite
def lockgate_specs(draw: st.DrawFn) -> Doc:
    # One section has an entry, for a rule without any is refused.
    main = draw(any_of(("ingress", "ingress", "ingressDeny", "egress", "egress", "egressDeny")))
    spec: Doc = {
        "endpointSelector": draw(endpoint_selectors), main: draw(few(SECTIONS[main], 1, 2))
    }  # fmt: skip
    if draw(st.booleans()):
        other = draw(any_of([name for name in SECTIONS if name != main]))
        spec[other] = draw(few(SECTIONS[other]))
    if draw(st.integers(0, 3)) == 0:
        spec["enableDefaultDeny"] = draw(optional(ingress=st.booleans(), egress=st.booleans()))
    return spec


POLICY_NAMES = ("n0", "n1", "n2", "n3")
OURS, WIDE = "LockgateNetworkPolicy", "LockgateClusterwideNetworkPolicy"
KINDS = ("NetworkPolicy", "NetworkPolicy", OURS, OURS, WIDE)


@st.composite
def policies(draw: st.DrawFn) -> Doc:
    kind = draw(any_of(KINDS))
    metadata = {"name": draw(any_of(POLICY_NAMES))}
    if kind != WIDE:
        metadata["namespace"] = draw(any_of(SPACES[:2]))
    if kind == "NetworkPolicy":
        body: Doc = {"apiVersion": "networking.k8s.io/v1", "spec": draw(kubernetes_specs)}
    elif draw(st.integers(0, 5)):
        body = {"apiVersion": "lockgate.io/v1", "spec": draw(lockgate_specs())}
    else:
        body = {"apiVersion": "lockgate.io/v1", "specs": draw(few(lockgate_specs(), 1, 2))}
    return {"kind": kind, "metadata": metadata, **body}


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
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Put, policies()),
    st.builds(Put, pods()),
    st.builds(Put, namespaces),
    st.builds(Delete, st.integers(0, 20)),
    st.builds(
        Relabel, st.integers(0, 8), optional(tier=any_of(TIERS)), optional(team=any_of(TEAMS))
    ),
)
clusters: st.SearchStrategy[dict[Key, Doc]] = st.builds(
    lambda *parts: {key_of(document): document for part in parts for document in part},
    few(namespaces, 0, 3),
    few(pods(), 3, 5),
    few(policies(), 2, 5),
)
stories = st.lists(st.lists(changes, min_size=1, max_size=3), min_size=3, max_size=6)
"""Ticks, and what changes before each."""


@st.composite
def speaking_policies(draw: st.DrawFn) -> Doc:
    """Return a policy with L7 rules that most pods come under."""
    direction, word = draw(any_of((("ingress", "from"), ("egress", "to"))))
    peers = draw(
        mostly(
            st.just({}),
            exactly(**{f"{word}Endpoints": few(mostly(st.just({}), selectors, 2), 1)}),
            2,
        )
    )
    items = mostly(spoken_items, allow_items, 3)
    entries = [{**peers, "toPorts": draw(few(items, 1))}]
    return {
        "apiVersion": "lockgate.io/v1", "kind": WIDE,
        "metadata": {"name": draw(any_of(("w0", "w1", "w2", "w3")))},
        "spec": {"endpointSelector": draw(mostly(st.just({}), selectors, 2)), direction: entries},
    }  # fmt: skip


speaking_clusters: st.SearchStrategy[dict[Key, Doc]] = st.builds(
    lambda *parts: {key_of(document): document for part in parts for document in part},
    few(pods(), 3, 4),
    few(policies(), 0, 1),
    few(speaking_policies(), 2, 4),
)


def ends_of(documents: dict[Key, Doc]) -> list[str]:
    """Return who may stand at an end: the pods, the host, and addresses of the world."""
    pods_here = [f"{key[1]}/{key[2]}" for key in sorted(documents) if key[0] == "Pod"]
    return [*pods_here, "host", *OUTSIDE]
