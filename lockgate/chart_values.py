"""The values of the Helm chart; its ``values.schema.json`` is made of this.

``python -m lockgate.chart_values charts/lockgate/values.schema.json`` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lockgate.settings import OperatorSettings, Settings

Labels = dict[str, str]
Things = list[dict[str, Any]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Image(_Part):
    """Where the image is."""

    repository: str
    tag: str = Field(default="", description="Of the image; empty: the chart's appVersion.")
    pullPolicy: str = Field(pattern="^(Always|IfNotPresent|Never)$")  # noqa: N815  # Helm's way
    pullSecrets: list[dict[str, str]]  # noqa: N815


class Placement(_Part):
    """Where pods run, and with what."""

    tolerations: Things
    nodeSelector: Labels  # noqa: N815
    priorityClassName: str  # noqa: N815
    resources: dict[str, Any]


class Agent(Placement):
    """The agents."""

    podAnnotations: Labels  # noqa: N815


class Envoy(_Part):
    """The Envoys."""

    resources: dict[str, Any]


class Cni(_Part):
    """The CNI plugin on the nodes."""

    install: bool
    exclusive: bool = Field(description="Set other networks of the nodes aside.")
    binDir: str = Field(pattern="^/")  # noqa: N815
    confDir: str = Field(pattern="^/")  # noqa: N815
    runtimeDir: str = Field(pattern="^/")  # noqa: N815


class Operator(Placement):
    """The operator."""

    enabled: bool
    replicas: int = Field(ge=1)
    settings: dict[str, Any]


class IngressClass(_Part):
    """The class of Ingresses that are served."""

    create: bool
    name: str = Field(min_length=1)
    default: bool = Field(description="Ingresses without a class are of this one.")


class ServiceMonitor(_Part):
    """Prometheus, by its operator."""

    enabled: bool
    labels: Labels


class Values(_Part):
    """All values."""

    image: Image
    settings: dict[str, Any]
    agent: Agent
    envoy: Envoy
    cni: Cni
    operator: Operator
    ingressClass: IngressClass  # noqa: N815
    serviceMonitor: ServiceMonitor  # noqa: N815
    # What Helm gives to charts that are part of another one.
    global_: dict[str, Any] = Field(default={}, alias="global")


def schema() -> dict[str, Any]:
    """Return the schema; settings are those of the agent's and the operator's own models."""
    found = Values.model_json_schema()
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["properties"]["settings"] = _settings(Settings, "Of agents.")
    operator = found["$defs"]["Operator"]["properties"]
    operator["settings"] = _settings(OperatorSettings, "Of the operator.")
    return found


def _settings(model: type[BaseModel], about: str) -> dict[str, Any]:
    made = model.model_json_schema()
    return {
        "type": "object",
        "description": about,
        "properties": dict(sorted(made["properties"].items())),
        "additionalProperties": False,
    }


def text() -> str:
    """Return the file."""
    return json.dumps(schema(), indent=2, sort_keys=True, default=str) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text())
