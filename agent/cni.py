"""The agent's side of the CNI plugin: what ADD, DEL, CHECK, GC and STATUS mean here.

Source: Container Network Interface specification 1.1.0.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

from agent.ipam import Ipam
from agent.network import Attachment, PodNetwork, host_interface
from bpf.veth import gateway_of
from lockgate.errors import LockgateError
from lockgate.policy.prefixes import EVERYWHERE, host_prefix

CNI_UNKNOWN_CONTAINER: Final = 3
CNI_INVALID_ENVIRONMENT: Final = 4
CNI_INVALID_CONFIG: Final = 7
CNI_TRY_AGAIN: Final = 11
CNI_NOT_AVAILABLE: Final = 50
CNI_FAILED: Final = 100
"""First code that the specification leaves to plugins."""

Request = Mapping[str, Any]
Reply = dict[str, Any]
OnAttachment = Callable[[str, str, Sequence[str]], None]
"""Called with endpoint (``namespace/pod``), the host's device and the addresses."""


class CniError(Exception):
    """An answer that is an error, with a code of the specification."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    def reply(self) -> Reply:
        """Return the error as CNI's JSON, less the version, which the plugin adds."""
        return {"code": self.code, "msg": str(self), "details": self.details}


class CniServer:
    """Answers the plugin, one request at a time; it may be called from any thread.

    Args:
        ipam: returns where addresses come from.
        network: makes the links.
        on_added: called when a pod's link stands and before the runtime hears of it, so that no
            packet passes before policy does.
        on_removed: called before a pod's link is removed.
        unhealthy: says why no pod can be added now, empty if one can.
    """

    def __init__(
        self,
        ipam: Callable[[], Ipam],
        network: PodNetwork,
        on_added: OnAttachment,
        on_removed: OnAttachment,
        unhealthy: Callable[[], str] = str,
    ) -> None:
        self._ipam = ipam
        self._network = network
        self._on_added = on_added
        self._on_removed = on_removed
        self._unhealthy = unhealthy
        self._lock = threading.Lock()

    def handle(self, command: str, request: Request) -> tuple[int, Reply]:
        """Answer ``add``, ``del``, ``check``, ``gc`` or ``status``: an HTTP status and a body."""
        commands: dict[str, Callable[[Request], Reply]] = {
            "add": self.add,
            "del": self.delete,
            "check": self.check,
            "gc": self.gc,
            "status": self.status,
        }
        answer = commands.get(command)
        if answer is None:
            message = f"there is no command {command}"
            return 404, CniError(CNI_INVALID_ENVIRONMENT, message).reply()
        try:
            with self._lock:
                return 200, answer(request)
        except CniError as error:
            return 400, error.reply()
        except LockgateError as error:
            return 500, CniError(CNI_FAILED, str(error)).reply()

    def add(self, request: Request) -> Reply:
        """Attach a pod and return a CNI result; doing it again returns the same.

        Raises: CniError: the request lacks something; LockgateError: it cannot be done.
        """
        container, ifname = _text(request, "container_id"), _text(request, "ifname")
        netns = _text(request, "netns")
        endpoint = _endpoint(request)
        if reason := self._unhealthy():
            raise CniError(CNI_TRY_AGAIN, "no pod can be added yet", reason)
        owner = _owner(container, ifname)
        fresh = not self._ipam().addresses(owner)
        addresses = self._ipam().allocate(owner)
        try:
            made = self._network.attach(container, netns, ifname, addresses, endpoint)
            self._on_added(endpoint, made.host.name, addresses)
        except BaseException:
            if fresh:
                self._network.detach(container)
                self._ipam().release(owner)
            raise
        return _result(request, made, netns, addresses)

    def delete(self, request: Request) -> Reply:
        """Detach a pod; one that is not attached is no error."""
        container, ifname = _text(request, "container_id"), _text(request, "ifname")
        self._detach(container, ifname, _endpoint(request))
        return {}

    def check(self, request: Request) -> Reply:
        """Return nothing if a pod's link is as ADD made it.

        Raises: CniError: it is not, and how.
        """
        container, ifname = _text(request, "container_id"), _text(request, "ifname")
        addresses = self._ipam().addresses(_owner(container, ifname))
        if not addresses:
            raise CniError(CNI_UNKNOWN_CONTAINER, f"container {container} has no {ifname} of ours")
        previous = _config(request).get("prevResult") or {}
        known = [str(ip.get("address", "")).partition("/")[0] for ip in previous.get("ips", ())]
        if known and not set(addresses) <= set(known):
            held = ", ".join(addresses)
            raise CniError(CNI_FAILED, f"{ifname} has address {held}, not {', '.join(known)}")
        wrong = self._network.check(container, _text(request, "netns"), ifname, addresses)
        if wrong:
            raise CniError(CNI_FAILED, f"the link of container {container} is broken", wrong)
        return {}

    def gc(self, request: Request) -> Reply:
        """Remove every attachment that is not among the valid ones."""
        listed = request.get("valid_attachments")
        if not isinstance(listed, list):
            # Taking nothing for "none is valid" would cut every pod off.
            raise CniError(CNI_INVALID_CONFIG, "GC needs the list cni.dev/valid-attachments")
        valid = {_owner(str(row["containerID"]), str(row["ifname"])) for row in listed}
        for found in self._network.attached():
            if _owner(found.container, found.ifname) not in valid:
                self._detach(found.container, found.ifname, found.endpoint)
        for owner in self._ipam().owners():
            if owner not in valid:
                self._ipam().release(owner)
        return {}

    def status(self, request: Request) -> Reply:  # noqa: ARG002  # every handler takes one
        """Return nothing if pods can be added.

        Raises: CniError: they cannot, and why.
        """
        reason = self._unhealthy()
        if reason:
            raise CniError(CNI_NOT_AVAILABLE, "no pod can be added now", reason)
        return {}

    def _detach(self, container: str, ifname: str, endpoint: str) -> None:
        owner = _owner(container, ifname)
        addresses = self._ipam().addresses(owner)
        if addresses:
            self._on_removed(endpoint, host_interface(container), addresses)
        self._network.detach(container)
        self._ipam().release(owner)


def _owner(container: str, ifname: str) -> str:
    return f"{container}/{ifname}"


def _text(request: Request, field: str) -> str:
    value = request.get(field)
    if not isinstance(value, str) or not value:
        raise CniError(CNI_INVALID_ENVIRONMENT, f"{field} is missing from the request")
    return value


def _config(request: Request) -> Mapping[str, Any]:
    config = request.get("config")
    return config if isinstance(config, dict) else {}


def _endpoint(request: Request) -> str:
    """Return ``namespace/pod`` from CNI_ARGS, the container's id where a runtime has no pods."""
    pairs = (pair.partition("=") for pair in str(request.get("args") or "").split(";"))
    arguments = {key: value for key, _, value in pairs}
    namespace = arguments.get("K8S_POD_NAMESPACE", "")
    name = arguments.get("K8S_POD_NAME", "")
    return f"{namespace}/{name}" if namespace and name else str(request.get("container_id", ""))


def _result(request: Request, made: Attachment, netns: str, addresses: Sequence[str]) -> Reply:
    config = _config(request)
    version = str(config.get("cniVersion", "1.1.0"))
    peer = made.peer.link
    return {
        "cniVersion": version,
        "interfaces": [
            {"name": made.host.name, "mac": made.host.mac},
            {"name": peer.name, "mac": peer.mac, "sandbox": netns},
        ],
        "ips": [_ip(address, version) for address in addresses],
        "routes": [
            {"dst": EVERYWHERE[ip_address(address).version], "gw": gateway_of(address)}
            for address in addresses
        ],
        "dns": config.get("dns") or {},
    }


def _ip(address: str, version: str) -> Reply:
    row: Reply = {"address": host_prefix(address), "gateway": gateway_of(address), "interface": 1}
    if version.startswith("0."):
        # Later versions leave it to be read from the address.
        row["version"] = str(ip_address(address).version)
    return row
