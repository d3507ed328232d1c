"""Refusals of a document's fields, gathered while it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from typing import Any

import re2
from pydantic import BaseModel, ValidationError

from lockgate.model.meta import ObjectRef, Problem
from lockgate.model.selector import LabelSelector, Requirement
from lockgate.sources.schema import Selector

_LABEL_NAME = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
_PORT_NAME = re.compile(r"^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$", re.IGNORECASE)
_HEADER_NAME = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
NOT_SUPPORTED = {
    "fromGroups": "groups of a cloud provider are not read; list their CIDRs",
    "toGroups": "groups of a cloud provider are not read; list their CIDRs",
    "listener": "CiliumEnvoyConfig is not read; use rules.http, or allow the port without rules",
    "l7": "the reference no longer has it either; use rules.http or rules.kafka",
    "l7proto": "the reference no longer has it either; use rules.http or rules.kafka",
}
"""Fields of CiliumNetworkPolicy that are not served, and what to do instead."""
_ALLOW_ONLY = frozenset({
    "authentication", "originatingTLS", "rules", "serverNames", "terminatingTLS", "toFQDNs",
})  # fmt: skip
_FIXES = {
    "missing": "add the field",
    "extra_forbidden": "remove it or correct its name",
    "literal_error": "use one of the values named",
    "too_long": "remove some entries",
}


class Reading:
    """One object being read: whose it is and what is wrong with it."""

    def __init__(self, ref: ObjectRef) -> None:
        self.ref = ref
        self.problems: list[Problem] = []
        self.left_out: list[Problem] = []
        """Of parts that are left out, while the rest of the object holds."""

    def refuse(self, field: str, reason: str, message: str, fix: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.ref, field, reason, message, fix))

    def leave_out(self, field: str, reason: str, message: str, fix: str) -> None:
        """Add a problem of a part that is left out; the object is not refused for it."""
        self.left_out.append(Problem(self.ref, field, reason, message, fix))

    def refuse_all(self, error: ValidationError, schema: type[BaseModel]) -> None:
        """Add a problem for each thing the schema refused."""
        entries = error.errors(include_url=False, include_input=False)
        unsupported = {entry["loc"][:-1] for entry in entries if self._is_unsupported(entry)}
        for entry in entries:
            kind = entry["type"]
            if self._is_unsupported(entry):
                name = entry["loc"][-1]
                self.refuse(
                    _path(entry["loc"]), "NotSupported", f"{name} is not supported",
                    NOT_SUPPORTED[str(name)],
                )  # fmt: skip
                continue
            if kind == "missing" and entry["loc"][:-1] in unsupported:
                continue  # what stands in its place was named already
            if kind == "extra_forbidden" and self._is_denied(entry["loc"]):
                self.refuse(
                    _path(entry["loc"]), "InvalidCombination",
                    f"a deny rule has no {entry['loc'][-1]}", "remove it",
                )  # fmt: skip
                continue
            reason = {"extra_forbidden": "UnknownField", "missing": "MissingField"}.get(
                kind, "InvalidValue"
            )
            message = entry["msg"]
            if kind == "extra_forbidden":
                message = "there is no such field"
            fix = _FIXES.get(kind, "correct the value")
            near = _near(entry["loc"], schema) if kind == "extra_forbidden" else ""
            self.refuse(_path(entry["loc"]), reason, message, near or fix)

    def _is_unsupported(self, entry: Any) -> bool:  # pydantic's own dict
        ours = self.ref.kind.startswith(("Lockgate", "Cilium"))
        return ours and entry["type"] == "extra_forbidden" and entry["loc"][-1] in NOT_SUPPORTED

    def _is_denied(self, location: tuple[int | str, ...]) -> bool:
        return location[-1] in _ALLOW_ONLY and bool({"ingressDeny", "egressDeny"} & {*location})

    def labels(self, found: Mapping[str, str], field: str) -> None:
        """Check the keys and values of labels."""
        for key, value in found.items():
            self._label_key(key, f"{field}.{key}")
            if ":" in key:
                fix = "remove the colon; it tells sources of labels apart, in selectors only"
                self.refuse(f"{field}.{key}", "InvalidLabel", f"{key!r} is no key", fix)
            self._label_value(value, f"{field}.{key}")

    def address(self, text: str, field: str) -> None:
        """Check an IP address; none is none."""
        try:
            ip_address(text or "::")
        except ValueError:
            fix = "write an IPv4 or IPv6 address"
            self.refuse(field, "InvalidAddress", f"{text!r} is no address", fix)

    def port_name(self, name: str, end_port: int | None, field: str) -> str:
        """Check the name of a container's port; a name cannot start a range."""
        if not _PORT_NAME.match(name):
            fix = "write a number from 1 to 65535, or a name of at most 15 letters and digits"
            self.refuse(f"{field}.port", "InvalidPort", f"{name!r} is no port", fix)
        if end_port is not None:
            fix = "write the first port as a number"
            self.refuse(f"{field}.endPort", "InvalidPort", "a name cannot start a range", fix)
        return name

    def header_name(self, name: str, field: str) -> None:
        """Check the name of an HTTP header."""
        if not _HEADER_NAME.match(name):
            fix = 'write "Name" or "Name: value"'
            self.refuse(field, "InvalidHeader", f"{name!r} is no name of a header", fix)

    def selector(self, view: Selector, field: str) -> LabelSelector:
        """Read a label selector; what is wrong with it becomes problems."""
        found = [Requirement(key, "In", (value,)) for key, value in view.match_labels.items()]
        for key, value in view.match_labels.items():
            self._label_key(key, f"{field}.matchLabels.{key}")
            self._label_value(value, f"{field}.matchLabels.{key}")
        for number, entry in enumerate(view.match_expressions):
            here = f"{field}.matchExpressions[{number}]"
            self._label_key(entry.key, f"{here}.key")
            wants = entry.operator in ("In", "NotIn")
            if wants and not entry.values:
                self.refuse(
                    f"{here}.values", "InvalidSelector",
                    f"operator {entry.operator} needs at least one value", "add values",
                )  # fmt: skip
            elif not wants and entry.values:
                self.refuse(
                    f"{here}.values", "InvalidSelector",
                    f"operator {entry.operator} takes no values", "remove the values",
                )  # fmt: skip
            for value in entry.values:
                self._label_value(value, f"{here}.values")
            found.append(Requirement(entry.key, entry.operator, tuple(sorted(entry.values))))
        return LabelSelector(tuple(sorted(set(found))))

    def cidr(self, text: str, field: str) -> str:
        """Read a prefix; a bare address is one of full length."""
        try:
            return str(ip_network(text, strict=False))
        except ValueError:
            self.refuse(
                field, "InvalidCIDR", f"{text!r} is not an address block",
                "write it as ADDRESS/LENGTH, such as 10.0.0.0/8",
            )  # fmt: skip
            return text

    def inside(self, inner: str, outer: str, field: str) -> None:
        """Check that an excluded prefix lies in the block it is excluded from."""
        try:
            inside = ip_network(inner).subnet_of(ip_network(outer))  # type: ignore[arg-type]  # a mixed pair raises TypeError
        except (TypeError, ValueError):
            inside = False
        if not inside:
            self.refuse(
                field, "InvalidCIDR", f"{inner} is not inside {outer}",
                "exclude only parts of the block",
            )  # fmt: skip

    def regex(self, text: str, field: str) -> None:
        """Check an RE2 expression."""
        why = regex_fault(text)
        if why:
            self.refuse(field, "InvalidRegex", f"{text!r} is not an RE2 expression: {why}", RE2_FIX)

    def _label_value(self, value: str, field: str) -> None:
        if value and not _LABEL_NAME.match(value):
            fix = "use at most 63 letters, digits, '-', '_' and '.'"
            self.refuse(field, "InvalidSelector", f"{value!r} is not a label value", fix)

    def _label_key(self, key: str, field: str) -> None:
        prefix, _, name = key.rpartition("/")
        source, _, bare = name.partition(":")
        if not _LABEL_NAME.match(bare or source) or " " in prefix:
            self.refuse(
                field, "InvalidSelector", f"{key!r} is not a label key",
                "use letters, digits, '-', '_' and '.', with an optional prefix and '/'",
            )  # fmt: skip


RE2_FIX = "correct the expression; RE2 has no look-around and no back-references"


def regex_fault(text: str) -> str:
    """Return what is wrong with an RE2 expression, or nothing."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error as error:
        why = error.args[0] if error.args else "it cannot be read"
        return why.decode(errors="replace") if isinstance(why, bytes) else str(why)
    return ""


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _near(location: tuple[int | str, ...], schema: type[BaseModel]) -> str:
    """Return a suggestion from the names the schema knows anywhere, or nothing."""
    names: set[str] = set()
    _collect(schema.model_json_schema(by_alias=True), names)
    close = get_close_matches(str(location[-1]), sorted(names), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _collect(schema: Any, names: set[str]) -> None:  # JSON schema
    if isinstance(schema, dict):
        names.update(schema.get("properties", {}))
        for entry in schema.values():
            _collect(entry, names)
    elif isinstance(schema, list):
        for entry in schema:
            _collect(entry, names)
