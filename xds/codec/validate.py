"""Finds what Envoy would refuse in a message: the limits that it sets to its fields.

The limits are in ``rules.json``, written by :mod:`xds.codec.extract_rules`. They mean what the
C++ of protoc-gen-validate, which Envoy runs, makes of them. What Envoy demands beyond them, such
as that a route's regex compiles, is not looked at here.

A rule becomes a test when a message type is first met. A test gives violations as the ends of
their texts, ``": is required"``; on the way out each level puts its part of the path in front.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache, partial
from importlib import resources
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, TypeAlias

import re2
from google.protobuf import duration_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from lockgate.errors import XdsError
from xds import codec

Violations: TypeAlias = tuple[str, ...]
Test: TypeAlias = Callable[[Any], Violations]
"""Judges a value."""
Wrong: TypeAlias = Callable[[Any], bool]
Rules: TypeAlias = Mapping[str, Any]
Limit: TypeAlias = tuple[Wrong, str]
"""What breaks a limit, and the complaint."""

_ANY: Final = "google.protobuf.Any"
_NONE: Final[Violations] = ()
_CONTENTS: Final = 4096
"""How many contents of ``Any`` are remembered: most are the same in thousands of resources."""
_STRINGS: Final = 1024
"""How many strings are remembered for each pattern, since matching is slow from Python."""
_LONGEST: Final = 315_576_000_000
"""Seconds of the longest ``google.protobuf.Duration``, either way."""


def violations(message: Message) -> Violations:
    """Return what Envoy would refuse in a message: path, what is wrong, and the limit.

    For example ``virtual_hosts[3].domains: needs at least 1 item``. The contents of every
    ``google.protobuf.Any`` whose type our schema holds are looked at, too.

    Raises: XdsError: ``rules.json`` has a rule that is not known here.
    """
    test = _message_test(message.DESCRIPTOR)
    if test is None:
        return _NONE
    return tuple(text.removeprefix(".") for text in test(message))


@cache
def _all_rules() -> dict[str, Rules]:
    text = resources.files("xds.codec").joinpath("rules.json").read_text()
    found: dict[str, Rules] = json.loads(text)["messages"]
    return found


class _Checker:
    """Checks messages of one type."""

    __slots__ = ("_absent", "_descriptor", "_fields")

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._fields: dict[FieldDescriptor, tuple[int, str, Test | None]] | None = None
        """Per field: 1 if its absence would be wrong, its part of the path, its test.
        None until a message is checked: types hold each other in circles."""
        self._absent: dict[FieldDescriptor | OneofDescriptor, Violations] = {}
        """What is wrong when a field or a whole oneof is not set."""

    def check(self, message: Message) -> Violations:
        """Return what is wrong in a message."""
        fields = self._fields
        if fields is None:
            fields = self._fields = self._compile()
        found = _NONE
        met = 0
        # Fields that are not set, nearly all, cost nothing: those of ``_absent`` are counted,
        # of a oneof at most one is set, and what is wrong with a default is known beforehand.
        for field, value in message.ListFields():
            known = fields.get(field)
            if known is not None:
                demanded, path, test = known
                met += demanded
                if test is not None:
                    wrong = test(value)
                    if wrong:
                        found += tuple(path + text for text in wrong)
        return found if met == len(self._absent) else found + self._missing(message)

    def _missing(self, message: Message) -> Violations:
        fields = [field for field, _ in message.ListFields()]
        given = {*fields, *(field.containing_oneof for field in fields)}
        return tuple(
            text for what, texts in self._absent.items() if what not in given for text in texts
        )

    def _compile(self) -> dict[FieldDescriptor, tuple[int, str, Test | None]]:
        rules = _all_rules().get(self._descriptor.full_name, {})
        for name in rules.get("oneofs", ()):
            oneof = self._descriptor.oneofs_by_name[name]
            members = ", ".join(field.name for field in oneof.fields)
            self._absent[oneof] = (f".{name}: needs one of {members}",)
        made: dict[FieldDescriptor, tuple[int, str, Test | None]] = {}
        for field in self._descriptor.fields:
            own: Rules = rules.get("fields", {}).get(field.name, {})
            test = _field_test(field, own)
            if absent := _when_absent(field, own, test):
                self._absent[field] = tuple(f".{field.name}{text}" for text in absent)
            demanded = field in self._absent or field.containing_oneof in self._absent
            if demanded or test is not None:
                made[field] = (int(demanded), f".{field.name}", test)
        return made


@cache
def _message_test(descriptor: Descriptor) -> Test | None:
    """Return the test of a message type, or None if nothing in it can be wrong."""
    if descriptor.full_name == _ANY:
        return _content_test
    return _Checker(descriptor).check if _has_rules(descriptor) else None


def _has_rules(descriptor: Descriptor) -> bool:
    """Tell whether a message type or one that it may hold has rules."""
    rules = _all_rules()
    if rules.get(descriptor.full_name, {}).get("disabled"):
        return False
    seen = {descriptor}
    waiting = [descriptor]
    while waiting:
        current = waiting.pop()
        if current.full_name in rules or current.full_name == _ANY:
            return True
        used = {field.message_type for field in current.fields if field.message_type is not None}
        waiting += used - seen
        seen |= used
    return False


def _content_test(value: Any) -> Violations:
    return _content(value.type_url, value.value)


@lru_cache(maxsize=_CONTENTS)
def _content(type_url: str, body: bytes) -> Violations:
    name = type_url.rpartition("/")[2]
    try:
        descriptor = codec.message(name).DESCRIPTOR
    except XdsError:
        return _NONE  # Envoy knows more types than our schema
    try:
        held = codec.decode(name, body)
    except XdsError:
        return (f": does not hold a {name}",)
    test = _message_test(descriptor)
    return test(held) if test is not None else _NONE


def _when_absent(field: FieldDescriptor, rules: Rules, test: Test | None) -> Violations:
    """Return what is wrong when a field is not set."""
    if field.containing_oneof is not None:
        return _NONE
    if field.message_type is not None and not field.is_repeated:
        kind = _kind(rules)
        asked = kind if kind in _OF_MESSAGES else "message"
        return (": is required",) if rules.get(asked, {}).get("required") else _NONE
    if test is None:
        return _NONE
    if field.is_repeated:
        return test({} if _is_map(field) else ())
    return test(field.default_value)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _kind(rules: Rules) -> str:
    """Return which kind of value rules are for; those of messages stand beside such rules."""
    return next((name for name in rules if name != "message"), "")


def _field_test(field: FieldDescriptor, rules: Rules) -> Test | None:
    if _is_map(field):
        return _map_test(field, rules.get("map", {}))
    if field.is_repeated:
        return _repeated_test(field, rules.get("repeated", {}))
    return _value_test(field, rules)


def _value_test(field: FieldDescriptor, rules: Rules) -> Test | None:
    """Return the test of one value: of a field, an item of a list, a key or value of a map."""
    kind = _kind(rules)
    if kind:
        test = _all_of(_KINDS[kind](field, rules[kind])) if kind in _KINDS else _unknown(kind)
        if field.message_type is None or kind in _OF_MESSAGES or test is None:
            return test
        return lambda wrapper: test(wrapper.value)
    if field.message_type is None or rules.get("message", {}).get("skip"):
        return None
    return _message_test(field.message_type)


def _unknown(name: str) -> Test:
    # Envoy's own checks do not have these: whoever builds it cannot use them.
    msg = f"rules.json has the rule {name}, which is not known"
    raise XdsError(msg)


def _all_of(tests: Iterable[Test]) -> Test | None:
    found = tuple(tests)
    if len(found) < 2:
        return found[0] if found else None
    return lambda value: tuple(text for test in found for text in test(value))


def _limit(wrong: Wrong, text: str) -> Test:
    failed = (f": {text}",)
    return lambda value: failed if wrong(value) else _NONE


def _unless_empty(rules: Rules, tests: Iterable[Test]) -> Iterator[Test]:
    """Yield tests that let empty values, and zeros, be if the rules say so."""
    test = _all_of(tests)
    if test is None:
        return
    if not rules.get("ignore_empty"):
        yield test
        return
    judge = test
    yield lambda value: judge(value) if value else _NONE


def _named_tests(
    rules: Rules, table: Mapping[str, Callable[[Any], Limit]], ignored: frozenset[str]
) -> Iterator[Test]:
    """Yield the tests of rules that each have a name and a limit."""
    for name, limit in rules.items():
        if name in ignored or limit is False:
            continue
        if name not in table:
            _unknown(name)
        yield _limit(*table[name](limit))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sized(noun: str) -> dict[str, Callable[[Any], Limit]]:
    """Return by suffix the limits to the number of something that a value holds."""
    return {
        "": lambda n: (lambda held: len(held) != n, f"needs exactly {_count(n, noun)}"),
        "min": lambda n: (lambda held: len(held) < n, f"needs at least {_count(n, noun)}"),
        "max": lambda n: (lambda held: len(held) > n, f"may have at most {_count(n, noun)}"),
    }


# Lists and maps


def _repeated_test(field: FieldDescriptor, rules: Rules) -> Test | None:
    items = _sized("item")
    table = {"min_items": items["min"], "max_items": items["max"]}
    tests = list(_named_tests(rules, table, frozenset({"items", "unique", "ignore_empty"})))
    if rules.get("unique"):
        tests.append(_unique)
    item = _value_test(field, rules.get("items", {}))
    if item is not None:
        tests.append(_each(item))
    return _all_of(_unless_empty(rules, tests))


def _unique(values: Any) -> Violations:
    seen: set[Any] = set()
    found = _NONE
    for index, value in enumerate(values):
        if value in seen:
            found += (f"[{index}]: is there already",)
        seen.add(value)
    return found


def _each(item: Test) -> Test:
    def test(values: Any) -> Violations:
        found = _NONE
        for index, value in enumerate(values):
            wrong = item(value)
            if wrong:
                found += tuple(f"[{index}]{text}" for text in wrong)
        return found

    return test


def _map_test(field: FieldDescriptor, rules: Rules) -> Test | None:
    pairs = _sized("pair")
    table = {"min_pairs": pairs["min"], "max_pairs": pairs["max"]}
    tests = list(_named_tests(rules, table, frozenset({"keys", "values", "ignore_empty"})))
    assert field.message_type is not None
    entry = field.message_type.fields_by_name
    key = _value_test(entry["key"], rules.get("keys", {}))
    value = _value_test(entry["value"], rules.get("values", {}))
    if key is not None or value is not None:
        tests.append(_each_entry(key or _accept, value or _accept))
    return _all_of(_unless_empty(rules, tests))


def _accept(_: Any) -> Violations:
    return _NONE


def _each_entry(of_key: Test, of_value: Test) -> Test:
    def test(entries: Any) -> Violations:
        found = [
            f"[{json.dumps(key)}]{text}"
            for key, value in entries.items()
            for text in (*(f" (key){wrong}" for wrong in of_key(key)), *of_value(value))
        ]
        return tuple(sorted(found))  # a map has no order of its own

    return test


# Strings and bytes


def _is_address(family: int, text: str) -> bool:
    try:
        # C++ hands over the text as far as a NUL.
        inet_pton(family, text.partition("\0")[0])
    except (OSError, UnicodeError):
        return False
    return True


def _is_ip(text: str) -> bool:
    return _is_address(AF_INET, text) or _is_address(AF_INET6, text)


def _is_hostname(text: str) -> bool:
    labels = text.split(".")
    if len(labels) > 1 and not labels[-1]:
        labels.pop()  # the dot of the root
    return len(text.encode()) <= 253 and all(_LABEL(label) for label in labels)


def _matcher(pattern: str | bytes) -> Callable[[Any], bool]:
    compiled = re2.compile(pattern)
    return lru_cache(maxsize=_STRINGS)(lambda text: compiled.fullmatch(text) is not None)


_LABEL: Final = _matcher("[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?")
_UUID: Final = _matcher("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEADER_NAME: Final = _matcher(r"^:?[0-9a-zA-Z!#$%&'*+-.^_|~\x60]+$")
_HEADER_VALUE: Final = _matcher(r"^[^\x00-\x08\x0A-\x1F\x7F]*$")
_HEADER_LOOSE: Final = _matcher(r"^[^\x00\x0A\x0D]*$")


def _unmatched(matches: Callable[[str], bool], text: str) -> Limit:
    return lambda value: not matches(value), text


def _quoted(values: Iterable[Any]) -> str:
    return ", ".join(json.dumps(str(value)) for value in values)


# The complaints do not quote what a message holds: it may be a secret.
_COMMON: Final[dict[str, Callable[[Any], Limit]]] = {
    "const": lambda want: (lambda held: held != want, f"must be {_quoted([want])}"),
    "in": lambda want: (lambda held: held not in want, f"must be one of {_quoted(want)}"),
    "prefix": lambda want: (
        lambda held: not held.startswith(want),
        f"must begin with {_quoted([want])}",
    ),
    "suffix": lambda want: (
        lambda held: not held.endswith(want),
        f"must end with {_quoted([want])}",
    ),
    "contains": lambda want: (lambda held: want not in held, f"must contain {_quoted([want])}"),
    "not_in": lambda want: (lambda held: held in want, f"may not be {_quoted(want)}"),
}
_CHARACTERS: Final = _sized("character")
_BYTES: Final = _sized("byte")


def _encoded(limit: Callable[[Any], Limit]) -> Callable[[Any], Limit]:
    """Return a limit to bytes as one to the string that they encode."""

    def made(value: Any) -> Limit:
        wrong, text = limit(value)
        return lambda held: wrong(held.encode()), text

    return made


_STRING: Final[dict[str, Callable[[Any], Limit]]] = {
    **_COMMON,
    "len": _CHARACTERS[""],
    "min_len": _CHARACTERS["min"],
    "max_len": _CHARACTERS["max"],
    "len_bytes": _encoded(_BYTES[""]),
    "min_bytes": _encoded(_BYTES["min"]),
    "max_bytes": _encoded(_BYTES["max"]),
    "not_contains": lambda part: (lambda held: part in held, f"may not contain {_quoted([part])}"),
    "pattern": lambda pattern: _unmatched(_matcher(pattern), f"must match {pattern}"),
    "ip": lambda _: _unmatched(_is_ip, "must be an IP address"),
    "ipv4": lambda _: _unmatched(partial(_is_address, AF_INET), "must be an IPv4 address"),
    "ipv6": lambda _: _unmatched(partial(_is_address, AF_INET6), "must be an IPv6 address"),
    "hostname": lambda _: _unmatched(_is_hostname, "must be a host name"),
    "address": lambda _: _unmatched(
        lambda text: _is_hostname(text) or _is_ip(text), "must be a host name or an IP address"
    ),
    "uuid": lambda _: _unmatched(_UUID, "must be a UUID"),
}
_BYTE_STRING: Final[dict[str, Callable[[Any], Limit]]] = {
    **_COMMON,
    "len": _BYTES[""],
    "min_len": _BYTES["min"],
    "max_len": _BYTES["max"],
    "pattern": lambda pattern: _unmatched(_matcher(pattern), f"must match {pattern.decode()}"),
}


def _string_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    header = frozenset({"ignore_empty", "strict", "well_known_regex"})
    tests = list(_named_tests(rules, _STRING, header))
    if kind := rules.get("well_known_regex"):
        tests.append(_limit(*_header(kind, strict=rules.get("strict", True))))
    return _unless_empty(rules, tests)


def _header(kind: str, *, strict: bool) -> Limit:
    if not strict:
        return _unmatched(_HEADER_LOOSE, "may not have NUL, LF or CR")
    if kind == "HTTP_HEADER_NAME":
        return _unmatched(_HEADER_NAME, "must be the name of an HTTP header")
    return _unmatched(_HEADER_VALUE, "must be the value of an HTTP header: no control characters")


def _bytes_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    decoded = {name: _from_hex(limit) for name, limit in rules.items() if name != "pattern"}
    if "pattern" in rules:
        decoded["pattern"] = rules["pattern"].encode()
    return _unless_empty(
        rules, list(_named_tests(decoded, _BYTE_STRING, frozenset({"ignore_empty"})))
    )


def _from_hex(limit: Any) -> Any:
    if isinstance(limit, list):
        return [_from_hex(item) for item in limit]
    return bytes.fromhex(limit) if isinstance(limit, str) else limit


# Numbers, enums and durations


def _bound_tests(rules: Rules, bounds: Rules, show: Callable[[Any], str]) -> Iterator[Test]:
    """Yield the tests of limits to a number, or to what is ordered like one.

    ``bounds`` are the limits as they are compared, ``rules`` as they are shown.
    """
    table: dict[str, Callable[[Any], Limit]] = {
        "const": lambda want: (lambda held: held != want, f"must be {rules['const']}"),
        "lt": lambda end: (lambda held: held >= end, f"must be less than {rules['lt']}"),
        "lte": lambda end: (lambda held: held > end, f"must be at most {rules['lte']}"),
        "gt": lambda end: (lambda held: held <= end, f"must be greater than {rules['gt']}"),
        "gte": lambda end: (lambda held: held < end, f"must be at least {rules['gte']}"),
        "in": lambda want: (lambda held: held not in want, f"must be one of {_list(rules['in'])}"),
        "not_in": lambda bad: (lambda held: held in bad, f"may not be {_list(rules['not_in'])}"),
    }
    for name in bounds:
        if name not in table:
            _unknown(name)
    limits = {name: table[name](bounds[name]) for name in bounds}
    if refused := limits.pop("not_in", None):
        yield _limit(*refused)
    upper, lower = _present(bounds, "lt", "lte"), _present(bounds, "gt", "gte")
    if upper and lower and not bounds[upper] > bounds[lower]:
        # Ends in reverse order: what lies between them is refused.
        limits["outside"] = _neither(limits.pop(upper), limits.pop(lower))
    for wrong, text in limits.values():
        yield _shown(wrong, text, show)


def _present(bounds: Rules, *names: str) -> str:
    return next((name for name in names if name in bounds), "")


def _neither(one: Limit, other: Limit) -> Limit:
    return lambda held: one[0](held) and other[0](held), f"{one[1]}, or {other[1]}"


def _shown(wrong: Wrong, text: str, show: Callable[[Any], str]) -> Test:
    return lambda held: (f": {text}, not {show(held)}",) if wrong(held) else _NONE


def _list(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _number_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    bounds = {name: limit for name, limit in rules.items() if name != "ignore_empty"}
    return _unless_empty(rules, list(_bound_tests(rules, bounds, str)))


def _bool_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    for name, want in rules.items():
        if name != "const":
            _unknown(name)
        yield _limit(want.__ne__, f"must be {json.dumps(want)}")


def _enum_tests(field: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    assert field.enum_type is not None
    names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
    shown = {
        name: [names.get(number, number) for number in limit]
        if isinstance(limit, list)
        else names.get(limit, limit)
        for name, limit in rules.items()
        if name != "defined_only"
    }
    bounds = {name: rules[name] for name in shown}
    yield from _bound_tests(shown, bounds, lambda number: str(names.get(number, number)))
    if rules.get("defined_only"):
        kind = field.enum_type.name
        yield _shown(lambda number: number not in names, f"must be a value of {kind}", str)


Span: TypeAlias = tuple[int, int]
"""Seconds and nanoseconds: ordered as Envoy orders durations."""


def _span(text: str) -> Span:
    held = duration_pb2.Duration()
    held.FromJsonString(text)
    return held.seconds, held.nanos


def _shown_span(span: Span) -> str:
    seconds, nanos = span
    return f"{seconds + nanos / 1e9:.9f}".rstrip("0").rstrip(".") + "s"


def _duration_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    shown = {name: limit for name, limit in rules.items() if name != "required"}
    bounds = {
        name: [_span(item) for item in limit] if isinstance(limit, list) else _span(limit)
        for name, limit in shown.items()
    }
    within = _all_of(_bound_tests(shown, bounds, _shown_span))
    if within is None:
        return
    judge = within

    def test(value: Any) -> Violations:
        span = value.seconds, value.nanos
        if not (-_LONGEST <= span[0] <= _LONGEST and -1_000_000_000 < span[1] < 1_000_000_000):
            return (": is no valid duration",)
        return judge(span)

    yield test


def _any_tests(field: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    named = list(_named_tests(rules, _COMMON, frozenset({"required"})))
    of_type = _all_of(named)
    if of_type is not None:
        judge = of_type
        yield lambda value: judge(value.type_url)
    # ExtensionConfigSource.config_source has such rules and is none: Envoy does not look into it.
    if field.message_type is not None and field.message_type.full_name == _ANY:
        yield _content_test


def _timestamp_tests(_: FieldDescriptor, rules: Rules) -> Iterator[Test]:
    for name in rules:
        if name != "required":
            _unknown(name)
    return iter(())


_OF_MESSAGES: Final = frozenset({"any", "duration", "timestamp"})
"""Kinds of rules whose tests take a message, not what it wraps."""
_NUMBERS: Final = (
    *("float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64"),
    *("fixed32", "fixed64", "sfixed32", "sfixed64"),
)
_KINDS: Final[dict[str, Callable[[FieldDescriptor, Rules], Iterator[Test]]]] = {
    **dict.fromkeys(_NUMBERS, _number_tests),
    "any": _any_tests,
    "bool": _bool_tests,
    "bytes": _bytes_tests,
    "duration": _duration_tests,
    "enum": _enum_tests,
    "string": _string_tests,
    "timestamp": _timestamp_tests,
}
