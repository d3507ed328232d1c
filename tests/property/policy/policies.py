"""Policies of all three kinds, as strategies of manifests."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.property.policy.naive import ACCOUNT, PLACE, PLACE_LABELS, Doc
from tests.property.policy.vocabulary import (
    APPS,
    BLOCKS,
    EXCEPT,
    SPACES,
    TEAMS,
    TIERS,
    Docs,
    any_of,
    exactly,
    few,
    mostly,
    optional,
    pod_labels,
)

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


ENTITIES = ("all", "cluster", "world", "world-ipv4", "world-ipv6", "host", "none")


def lockgate_entries(word: str, items: Docs) -> Docs:
    endpoints = f"{word}Endpoints"
    others: Docs = st.one_of(
        st.just({}),
        exactly(**{endpoints: few(endpoint_selectors)}),
        exactly(**{f"{word}Entities": few(any_of(ENTITIES))}),
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


# Policies of one theme each, under which most pods come.

wide_selectors = mostly(st.just({}), selectors, 2)


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
    spec = {
        "endpointSelector": draw(wide_selectors),
        direction: [{**peers, "toPorts": draw(few(items, 1))}],
        **draw(mostly(st.just({}), st.just({"enableDefaultDeny": {direction: False}}), 3)),
    }
    return {
        "apiVersion": "lockgate.io/v1", "kind": WIDE,
        "metadata": {"name": draw(any_of(POLICY_NAMES))}, "spec": spec,
    }  # fmt: skip


@st.composite
def naming_policies(draw: st.DrawFn) -> Doc:
    """Return a policy whose ports are names, mostly those of peers."""
    name = draw(any_of(POLICY_NAMES))
    port = draw(any_of(("web", "web", "dns")))
    direction = draw(mostly(st.just("egress"), st.just("ingress"), 4))
    if draw(st.booleans()):
        protocol = "UDP" if port == "dns" else "TCP"
        rule = {"ports": [{"port": port, "protocol": protocol}]}
        spec = {
            "podSelector": draw(wide_selectors),
            direction: [rule],
            "policyTypes": [direction.capitalize()],
        }
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": draw(any_of(SPACES[:2]))}, "spec": spec,
        }  # fmt: skip
    section = direction + draw(any_of(("", "Deny")))
    entry: Doc = {"toPorts": [{"ports": [{"port": port}]}]}
    word = "from" if direction == "ingress" else "to"
    entry |= draw(optional(**{f"{word}Endpoints": few(wide_selectors, 1)}))
    spec = {
        "endpointSelector": draw(wide_selectors), section: [entry],
        "enableDefaultDeny": {direction: not section.endswith("Deny")},
    }  # fmt: skip
    return {
        "apiVersion": "lockgate.io/v1", "kind": WIDE, "metadata": {"name": name}, "spec": spec
    }  # fmt: skip


@st.composite
def addressing_policies(draw: st.DrawFn) -> Doc:
    """Return a policy whose peers are blocks of addresses."""
    direction, word = draw(any_of((("ingress", "from"), ("egress", "to"))))
    metadata = {"name": draw(any_of(POLICY_NAMES)), "namespace": draw(any_of(SPACES[:2]))}
    if draw(st.integers(0, 3)):
        peers = draw(few(exactly(ipBlock=blocks), 1))
        rule = {word: peers, **draw(optional(ports=few(kubernetes_ports, 1, 1)))}
        spec = {
            "podSelector": draw(wide_selectors),
            direction: [rule],
            "policyTypes": [direction.capitalize()],
        }
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": metadata, "spec": spec,
        }  # fmt: skip
    section = direction + draw(any_of(("", "Deny")))
    entry = {f"{word}CIDRSet": draw(few(blocks, 1))}
    return {
        "apiVersion": "lockgate.io/v1", "kind": OURS, "metadata": metadata,
        "spec": {"endpointSelector": draw(wide_selectors), section: [entry]},
    }  # fmt: skip


THEMES: dict[str, Docs] = {
    "all sorts": policies(),
    "requests": mostly(speaking_policies(), policies(), 4),
    "names of ports": mostly(naming_policies(), policies(), 8),
    "blocks of addresses": mostly(addressing_policies(), policies(), 8),
}
