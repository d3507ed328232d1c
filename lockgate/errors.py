"""The exceptions of Lockgate: our own failures only.

A user's bad object is never an exception, it is a :class:`lockgate.model.problem.Problem`.

    LockgateError
      ConfigError          a flag, file or environment variable that cannot be used
      AgentRunning         another agent owns this node
      PrivilegeError       a capability or kernel feature this process lacks
      XdsError             a snapshot that refers to what it does not hold, a codec failure
      EnvoyError           Envoy could not be started or did not answer
      BpfError             a program or map the kernel refused
        VerifierRejected   with the verifier's log
        UnsupportedKernel  with the feature and the first kernel that has it
        MapFull            with the map's name and capacity
      WorkloadError        a pod's process or network could not be set up
"""

from __future__ import annotations


class LockgateError(Exception):
    """Base of every failure of our own; its text is fit to be shown to a user."""


class ConfigError(LockgateError):
    """A flag, a configuration file or an environment variable cannot be used."""


class AgentRunning(LockgateError):
    """Another agent already owns this node."""


class PrivilegeError(LockgateError):
    """This process lacks a capability it needs."""


class XdsError(LockgateError):
    """A snapshot or message is not consistent with itself."""


class EnvoyError(LockgateError):
    """Envoy could not be started or does not answer."""


class WorkloadError(LockgateError):
    """A pod's process or its network could not be set up."""


class BpfError(LockgateError):
    """The kernel refused a program, a map or an attachment."""


class VerifierRejected(BpfError):
    """The verifier refused a program; ``log`` is its whole log."""

    def __init__(self, program: str, log: str) -> None:
        super().__init__(f"the kernel refused program {program}: {log.strip().splitlines()[-1:]}")
        self.program = program
        self.log = log


class UnsupportedKernel(BpfError):
    """The running kernel lacks a feature."""

    def __init__(self, feature: str, minimum: str) -> None:
        super().__init__(f"this kernel lacks {feature}; Linux {minimum} is the first that has it")
        self.feature = feature
        self.minimum = minimum


class MapFull(BpfError):
    """A map has no room for another entry."""

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(f"map {name} is full ({capacity} entries)")
        self.name = name
        self.capacity = capacity
