"""The forms of annotations' values: from text to a value, or ``ValueError`` with what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

import re2
import yaml

from lockgate.ir.http import ErrorPage, HashKey, RateLimit, Redirect, is_rewritten
from lockgate.model.ingress import ServiceBackend

T = TypeVar("T")
MAX_VALUE = 65536
"""Bytes of the largest value that is read."""
_MAX_HEADER = 4096
_MAX_PROGRAM = 10_000
"""Size of the largest compiled expression, as of paths."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+)([kmg]?)b?", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_STATUS = re.compile(r"[45]\d\d|[45]xx")
_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection", "x-lockgate-shard"})
"""Headers that are the proxy's to write."""


def boolean(text: str) -> bool:
    """Read a switch."""
    lowered = text.strip().lower()
    if lowered in {"true", "enabled", "on", "yes"}:
        return True
    if lowered in {"false", "disabled", "off", "no"}:
        return False
    raise ValueError("write true or false")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of some words."""

    def read(text: str) -> str:
        if text.strip() not in choices:
            msg = f"write one of {', '.join(choices)}"
            raise ValueError(msg)
        return text.strip()

    return read


def number(first: int, last: int) -> Callable[[str], int]:
    """Return a reader of a whole number."""

    def read(text: str) -> int:
        stripped = text.strip()
        if not (stripped.isascii() and stripped.isdigit() and first <= int(stripped[:12]) <= last):
            msg = f"write a whole number from {first} to {last}"
            raise ValueError(msg)
        return int(stripped)

    return read


def duration(text: str) -> float:
    """Read a time in seconds: ``10s``, ``1m30s``, ``500ms``, or a bare number of seconds."""
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        seconds = float(stripped)
    elif re.fullmatch(rf"({_DURATION.pattern})+", stripped):
        seconds = sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(stripped))
    else:
        raise ValueError("write a time such as 30s, 500ms or 1m30s")
    if seconds > 366 * 86400:
        raise ValueError("write a time of at most a year")
    return seconds


def size(text: str) -> int:
    """Read bytes: ``8m``, ``512k``, ``1g`` or a bare number; 0 is no limit."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("write a size such as 8m, 512k or 1g")
    value = int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[found[2].lower()]
    if value >= 1 << 32:
        raise ValueError("write a size below 4g, or 0 for no limit")
    return value


def words(text: str) -> tuple[str, ...]:
    """Read a list, by commas, spaces or lines."""
    found = tuple(filter(None, re.split(r"[,\s]+", text.strip())))
    if not found:
        raise ValueError("write at least one entry, separated by commas")
    return found


def tokens(text: str) -> tuple[str, ...]:
    """Read a list of header names or methods."""
    found = words(text)
    wrong = [name for name in found if name != "*" and not _TOKEN.fullmatch(name)]
    if wrong:
        msg = f"{wrong[0]!r} is no name"
        raise ValueError(msg)
    return found


def prefixes(text: str) -> tuple[str, ...]:
    """Read a list of addresses and prefixes."""
    found = []
    for entry in words(text):
        try:
            found.append(str(ip_network(entry, strict=False)))
        except ValueError:
            msg = f"{entry!r} is no address; write prefixes such as 10.0.0.0/8, by commas"
            raise ValueError(msg) from None
    return tuple(found)


def header_name(text: str) -> str:
    """Read the name of a header that may be written."""
    name = text.strip()
    if not _TOKEN.fullmatch(name) or name.lower() in _OWN or name.lower().startswith("x-envoy-"):
        msg = f"{name!r} is no header that can be written"
        raise ValueError(msg)
    return name.lower()


def header_value(text: str) -> str:
    """Read the value of a header."""
    value = text.strip()
    if len(value) > _MAX_HEADER or any(ord(char) < 32 and char != "\t" for char in value):
        msg = f"a header's value has at most {_MAX_HEADER} characters, none of them a control"
        raise ValueError(msg)
    if "\x7f" in value or not value.isascii():
        raise ValueError("a header's value is plain ASCII")
    if is_rewritten(value):
        raise ValueError("a header's value holds no name of Envoy's metadata between % and (")
    return value


def headers(text: str) -> tuple[tuple[str, str], ...]:
    """Read lines ``Name: value``."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = line.partition(":")
        if not colon:
            msg = f'{line.strip()!r} has no colon; write "Name: value", one on each line'
            raise ValueError(msg)
        found.append((header_name(name), header_value(value)))
    return tuple(found)


def header_names(text: str) -> tuple[str, ...]:
    """Read names of headers to remove."""
    return tuple(header_name(name) for name in words(text))


def cookie_name(text: str) -> str:
    """Read the name of a cookie."""
    if not _TOKEN.fullmatch(text.strip()):
        raise ValueError("write a name of letters, digits, - and _")
    return text.strip()


def host(text: str) -> str:
    """Read a host, with a port or without."""
    if not _HOST.fullmatch(text.strip()):
        raise ValueError("write a host name, with or without a port")
    return text.strip().lower()


def path(text: str) -> str:
    """Read a path with or without a query, as a redirect may name."""
    stripped = text.strip()
    if not stripped.startswith("/") or not re.fullmatch(r"[!-~]+", stripped):
        raise ValueError("write a path that begins with /, in plain characters")
    return stripped


def rewrite(text: str) -> str:
    r"""Read a new path; ``$1`` becomes ``\1``."""
    target = path(text)
    if "\\" in target:
        raise ValueError("write captures as $1; a backslash stands for nothing")
    if re.search(r"\$(?!\d)", target):
        raise ValueError("write captures as $1; no other variable is known")
    return re.sub(r"\$(\d)", r"\\\1", target)


def url(text: str) -> str:
    """Read an absolute URL of HTTP."""
    stripped = text.strip()
    parts = urlsplit(stripped)
    _check_port(parts.netloc)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise ValueError("write a URL such as http://auth.example.com/check")
    if not re.fullmatch(r"[!-~]*", stripped) or "$" in stripped:
        raise ValueError("write the URL without variables, in plain characters")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, parts.query, ""))


def _check_port(netloc: str) -> None:
    port = netloc.rpartition(":")[2] if ":" in netloc else "1"
    if not (port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise ValueError("write a port from 1 to 65535")


_REQUEST_URI = "$request_uri"


def redirect(text: str) -> Redirect:
    """Read where clients are sent: a URL, or one that ends with ``$request_uri``, or a path."""
    stripped = text.strip()
    keeps = stripped.endswith(_REQUEST_URI)
    if stripped.startswith("/"):
        return Redirect(301, path=path(stripped))
    parts = urlsplit(url(stripped.removesuffix(_REQUEST_URI)))
    if keeps and parts.path.strip("/"):
        raise ValueError("$request_uri stands right after the host")
    name, _, port = parts.netloc.partition(":")
    query = f"?{parts.query}" if parts.query else ""
    where = None if keeps else (parts.path or "/") + query
    default = "443" if parts.scheme == "https" else "80"
    return Redirect(
        301,
        "https" if parts.scheme == "https" else "http",
        name,
        0 if port in ("", default) else int(port),
        where,
    )


def redirect_status(text: str) -> int:
    """Read the status of a redirect."""
    found = number(301, 308)(text)
    if found not in _REDIRECTS:
        raise ValueError("write one of 301, 302, 303, 307, 308")
    return found


_REDIRECTS = (301, 302, 303, 307, 308)


def hsts(text: str) -> str:
    """Read the value of ``Strict-Transport-Security``, or ``true`` for a year."""
    stripped = text.strip()
    if stripped.lower() in {"true", "enabled", "on"}:
        return "max-age=31536000"
    if stripped.lower() in {"false", "disabled", "off"}:
        return ""
    if not re.fullmatch(r"max-age=\d{1,10}(; ?includeSubDomains)?(; ?preload)?", stripped):
        raise ValueError("write max-age=SECONDS; includeSubDomains; preload, or true")
    return stripped


def secret_name(text: str) -> tuple[str, str]:
    """Read the name of a Secret, with its namespace or without."""
    namespace, _, name = text.strip().rpartition("/")
    if not _NAME.fullmatch(name) or (namespace and not _NAME.fullmatch(namespace)):
        raise ValueError("write the name of a Secret")
    return namespace, name


def service_port(text: str) -> ServiceBackend:
    """Read ``service:port``."""
    name, _, port = text.strip().partition(":")
    if not _NAME.fullmatch(name) or not re.fullmatch(r"[a-z0-9-]{1,63}", port):
        raise ValueError("write SERVICE:PORT")
    return ServiceBackend(name, int(port) if port.isdigit() else port)


def rate(text: str) -> RateLimit:
    """Read requests in a time: ``100/s``, ``300/m``, ``1000/h``; the burst is set elsewhere."""
    count, _, unit = text.strip().partition("/")
    if unit not in {"s", "m", "h"}:
        raise ValueError("write a rate such as 100/s, 300/m or 1000/h")
    requests = number(1, 1_000_000)(count)
    return RateLimit(requests, int(_SECONDS[unit]), requests)


def percent(text: str) -> float:
    """Read a part of a hundred."""
    stripped = text.strip().rstrip("%")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,4})?", stripped) or float(stripped) > 100:
        raise ValueError("write a number from 0 to 100")
    return float(stripped)


def origins(text: str) -> tuple[str, ...]:
    """Read origins of cross-origin requests."""
    found = words(text)
    for entry in found:
        if entry != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.*:\[\]-]+", entry):
            msg = f"{entry!r} is no origin; write https://shop.example.com, one * for labels, or *"
            raise ValueError(msg)
        if entry.count("*") > 1:
            msg = f"{entry!r} has more than one *"
            raise ValueError(msg)
    return found


def expression(text: str) -> str:
    """Read an RE2 expression."""
    options = re2.Options()
    options.log_errors = False
    try:
        if re2.compile(text, options).programsize > _MAX_PROGRAM:
            raise ValueError("the expression is too large")
    except re2.error as error:
        raise ValueError("write an RE2 expression") from error
    return text


def plain(text: str) -> str:
    """Read text without controls."""
    if not text.strip() or not text.isprintable() or len(text) > _MAX_HEADER:
        raise ValueError("write plain text, not empty")
    return text.strip()


def statuses(text: str) -> tuple[int, ...]:
    """Read statuses of answers."""
    return tuple(number(100, 599)(entry) for entry in words(text))


def error_pages(text: str) -> tuple[ErrorPage, ...]:
    """Read a YAML map from status or class, such as ``5xx``, to the body of its page."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("write a YAML map from status to text") from error
    if not isinstance(found, dict) or not found:
        raise ValueError("write a YAML map from status to text")
    return tuple(_page(status, body) for status, body in found.items())


def _page(status: object, body: object) -> ErrorPage:
    if not _STATUS.fullmatch(str(status)) or not isinstance(body, str):
        msg = f"{status!r} is no status of 400 to 599, no 4xx or 5xx, or its page is no text"
        raise ValueError(msg)
    content = "text/html" if body.lstrip().startswith("<") else "text/plain"
    return ErrorPage(str(status), body, content)


def hash_key(text: str) -> HashKey:
    """Read what of a request chooses the endpoint."""
    kind, _, name = text.strip().partition(":")
    if kind == "client" and not name:
        return HashKey("client")
    if kind == "path" and not name:
        return HashKey("header", ":path")
    if kind == "host" and not name:
        return HashKey("header", ":authority")
    if kind in ("header", "cookie", "query") and _TOKEN.fullmatch(name):
        chosen = cast("dict[str, HashKey]", {
            "header": HashKey("header", name.lower()),
            "cookie": HashKey("cookie", name),
            "query": HashKey("query", name),
        })  # fmt: skip
        return chosen[kind]
    raise ValueError("write client, path, host, header:NAME, cookie:NAME or query:NAME")


_VARIABLES = {
    "$remote_addr": "client",
    "$binary_remote_addr": "client",
    "$request_uri": "path",
    "$uri": "path",
    "$host": "host",
    "$http_host": "host",
}
_PREFIXED = {"$http_": "header", "$cookie_": "cookie", "$arg_": "query"}


def nginx_hash_key(text: str) -> HashKey:
    """Read one variable of nginx's."""
    variable = text.strip().replace("{", "").replace("}", "")
    if variable in _VARIABLES:
        return hash_key(_VARIABLES[variable])
    for prefix, kind in _PREFIXED.items():
        if variable.startswith(prefix):
            name = variable.removeprefix(prefix)
            return hash_key(f"{kind}:{name.replace('_', '-') if kind == 'header' else name}")
    known = ", ".join([*_VARIABLES, *(f"{prefix}NAME" for prefix in _PREFIXED)])
    msg = f"write one of {known}"
    raise ValueError(msg)


def constant(value: T, *texts: str) -> Callable[[str], T]:
    """Return a reader that takes only some texts, for a fixed value."""

    def read(text: str) -> T:
        if text.strip().lower() not in texts:
            msg = f"only {' or '.join(texts)} is served"
            raise ValueError(msg)
        return value

    return read


def unique(entries: Iterable[T]) -> tuple[T, ...]:
    """Return entries without repetition, in order."""
    return tuple(dict.fromkeys(entries))
