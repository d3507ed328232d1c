"""Kinds that Lockgate writes for others to read; nobody declares them.

All they say is in ``status``.
"""

from __future__ import annotations

from pydantic import Field

from lockgate.sources.schema import Schema, StrMap


class EndpointPolicyView(Schema):
    """``status.policy``: what is enforced at an endpoint."""

    ingress_enforced: bool
    egress_enforced: bool
    audit: bool


class EndpointStatus(Schema):
    """``status`` of a LockgateEndpoint, which is named as its pod."""

    node: str
    identity: str
    """Name of its LockgateIdentity."""
    labels: StrMap
    addresses: list[str]
    policy: EndpointPolicyView


class NodeStatus(Schema):
    """``status`` of a LockgateNode, which is named as its node."""

    addresses: list[str]
    pod_cidrs: list[str] = Field(alias="podCIDRs")
    version: str


class IdentityStatus(Schema):
    """``status`` of a LockgateIdentity: the labels that make it, which its name is a digest of."""

    labels: StrMap
