"""Routes in shards: each host's routes are in one of several route configurations, by a hash.

A change to one host then costs Envoy the hosts of its shard, not all. Envoy's scoped routes choose
the shard by a header. It is first set for a single shard, by all listeners; where there are more,
a Lua filter sets it again. The filter comes by ECDS, so the number of shards can change without
touching a listener.
"""

from __future__ import annotations

from xds import codec
from xds.codec import schema
from xds.resource import EXTENSION, SCOPED_ROUTES, Resource, resource
from xds.translate.sockets import ADS

SHARD_HEADER = "x-lockgate-shard"
"""Set by the ingress listeners to choose a route configuration; backends never see it."""
SHARD_FILTER = "ingress/shard"
"""Name of the filter, as a resource and in the listeners."""
HOSTS_PER_SHARD = 64
"""The aim when the number of shards is chosen."""
MOST_IN_ONE = 128
"""Hosts up to which one shard serves all, and no request is asked for its shard. A thousand were
tried: that spared a tenth of each request, but a change took ten times as long."""
ONLY_SHARD = "0/1"
"""What the header says where there is one."""
MAX_SHARDS = 1024
_STEP = 4
_MULTIPLIER, _MODULUS = 65599, 2147483647
"""The modulus is a prime, so that every character counts in the lowest bits too, and small enough
for the product to be exact in Lua's floating-point numbers."""
_MOST_KNOWN = 4096
"""Hosts whose shard each of Envoy's workers remembers; who asks for ever new ones costs no memory."""
_LUA = "envoy.extensions.filters.http.lua.v3.Lua"

_SCRIPT = f"""\
local known, size = {{}}, 0
local function shard_of(authority)
  local host = authority:lower():gsub(":%d+$", "")
  local hash = 0
  for i = 1, #host do
    hash = (hash * {_MULTIPLIER} + host:byte(i)) % {_MODULUS}
  end
  return (hash % COUNT) .. "/COUNT"
end
function envoy_on_request(handle)
  local headers = handle:headers()
  local authority = headers:get(":authority") or ""
  local shard = known[authority]
  if not shard then
    if size == {_MOST_KNOWN} then
      known, size = {{}}, 0
    end
    shard = shard_of(authority)
    known[authority], size = shard, size + 1
  end
  headers:replace("{SHARD_HEADER}", shard)
  handle:clearRouteCache()
end
"""
_NO_SCRIPT = "-- one shard: the header says so already"


def shard_of(host: str, count: int) -> int:
    """Return the shard of a host; the Lua filter computes the same of a request's authority."""
    number = 0
    for byte in host.lower().encode():
        number = (number * _MULTIPLIER + byte) % _MODULUS
    return number % count


def shard_count(hosts: int, current: int) -> int:
    """Return the number of shards for so many hosts.

    One has :data:`MOST_IN_ONE`. More of them change by powers of four and stay while they are at
    most twice as full as they should be, or an eighth: a change of the number costs all hosts
    once, so it must be rare.
    """
    if current > 1 and HOSTS_PER_SHARD * current // 8 <= hosts <= HOSTS_PER_SHARD * current * 2:
        return current
    if hosts <= MOST_IN_ONE:
        return 1
    count = _STEP
    while count < MAX_SHARDS and hosts > HOSTS_PER_SHARD * count:
        count *= _STEP
    return count


def shard_key(index: int, count: int) -> str:
    """Return what the header says for a shard."""
    return f"{index}/{count}"


def shard_name(index: int, count: int) -> str:
    """Return the name of a shard's scope and of its route configuration."""
    return f"ingress/{shard_key(index, count)}"


def scope(index: int, count: int) -> Resource:
    """Return the scope that leads to one shard."""
    name = shard_name(index, count)
    made = schema.ScopedRouteConfiguration(
        name=name,
        route_configuration_name=name,
        key={"fragments": [{"string_key": shard_key(index, count)}]},
    )
    return resource(SCOPED_ROUTES, name, made)


def shard_selector(count: int) -> Resource:
    """Return the filter that tells Envoy the shard of each request."""
    script = _NO_SCRIPT if count == 1 else _SCRIPT.replace("COUNT", str(count))
    config = schema.Lua(default_source_code={"inline_string": script})
    made = schema.TypedExtensionConfig(name=SHARD_FILTER, typed_config=codec.any_of(_LUA, config))
    return resource(EXTENSION, SHARD_FILTER, made)


def shard_filter() -> schema.HttpFilter:
    """Return the place of the filter among the HTTP filters: the first."""
    discovery: schema.ExtensionConfigSource = {
        "config_source": ADS,
        "type_urls": [codec.TYPE_PREFIX + _LUA],
    }
    return {"name": SHARD_FILTER, "config_discovery": discovery}


def scoped_routes() -> schema.ScopedRoutes:
    """Return how a connection manager finds its routes."""
    extractor: schema.HeaderValueExtractor = {"name": SHARD_HEADER, "index": 0}
    return {
        "name": "ingress",
        "scope_key_builder": {"fragments": [{"header_value_extractor": extractor}]},
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
    }
