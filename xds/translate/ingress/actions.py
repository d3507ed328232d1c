"""What becomes of a request, in Envoy's words: forwarded, redirected or answered."""

from __future__ import annotations

import http

from lockgate.ir.http import Action, Forward, HashKey, HeaderEdits, Redirect, Respond, Retry
from xds import codec
from xds.codec import schema

_REDIRECTS: dict[int, schema.RedirectResponseCode] = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def action_fields(action: Action) -> schema.Route:
    """Return the part of Envoy's route that says what to do."""
    match action:
        case Forward():
            return {"route": _forward(action)}
        case Redirect():
            return {"redirect": _redirect(action)}
        case Respond():
            return {"direct_response": _respond(action)}


def header_fields(request: HeaderEdits, response: HeaderEdits) -> schema.Route:
    """Return the part of Envoy's route that writes headers."""
    fields: schema.Route = {}
    if request.set or request.add:
        fields["request_headers_to_add"] = _written(request)
    if request.remove:
        fields["request_headers_to_remove"] = list(request.remove)
    if response.set or response.add:
        fields["response_headers_to_add"] = _written(response)
    if response.remove:
        fields["response_headers_to_remove"] = list(response.remove)
    return fields


def literal(text: str) -> str:
    """Return text so that Envoy sees no variables in it."""
    return text.replace("%", "%%")


def _written(edits: HeaderEdits) -> list[schema.HeaderValueOption]:
    put = [_header(*pair, "OVERWRITE_IF_EXISTS_OR_ADD") for pair in edits.set]
    return put + [_header(*pair, "APPEND_IF_EXISTS_OR_ADD") for pair in edits.add]


def _header(name: str, value: str, how: schema.HeaderAppendAction) -> schema.HeaderValueOption:
    return {
        "header": {"key": name, "value": literal(value)},
        "append_action": how,
        "keep_empty_value": True,
    }


def _forward(action: Forward) -> schema.RouteAction:
    route: schema.RouteAction = {
        # A timeout of zero is none: downloads and websockets last as long as they need.
        "timeout": codec.duration(action.timeout_s),
        "idle_timeout": codec.duration(action.idle_timeout_s),
        "retry_policy": _retry(action.retry),
    }
    if len(action.shares) == 1:
        route["cluster"] = action.shares[0].cluster
    else:
        route["weighted_clusters"] = {
            "clusters": [
                {"name": share.cluster, "weight": {"value": share.weight}}
                for share in action.shares
            ]
        }
    if action.rewrite is not None:
        route["regex_rewrite"] = {
            "pattern": {"regex": action.rewrite.pattern},
            "substitution": action.rewrite.substitution,
        }
    if action.host:
        route["host_rewrite_literal"] = action.host
    if action.hash_on:
        route["hash_policy"] = [_hash(key) for key in action.hash_on]
    if action.mirror is not None:
        millionths = round(action.mirror.percent * 10_000)
        fraction: schema.FractionalPercent = {"numerator": millionths, "denominator": "MILLION"}
        route["request_mirror_policies"] = [
            {"cluster": action.mirror.cluster, "runtime_fraction": {"default_value": fraction}}
        ]
    return route


def _retry(retry: Retry) -> schema.RouteRetryPolicy:
    if not retry.attempts:
        return {"num_retries": {"value": 0}}
    policy: schema.RouteRetryPolicy = {
        "retry_on": ",".join(retry.on),
        "num_retries": {"value": retry.attempts},
        # Not the endpoint that just failed, while there are others.
        "retry_host_predicate": [_PREVIOUS_HOSTS],
        "host_selection_retry_max_attempts": 3,
    }
    if retry.statuses:
        policy["retriable_status_codes"] = list(retry.statuses)
    if retry.try_timeout_s:
        policy["per_try_timeout"] = codec.duration(retry.try_timeout_s)
    return policy


_PREVIOUS_HOSTS: schema.RouteRetryPolicyRetryHostPredicate = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": codec.any_of(
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}
    ),
}


def _hash(key: HashKey) -> schema.RouteActionHashPolicy:
    match key.kind:
        case "header":
            return {"header": {"header_name": key.name}}
        case "query":
            return {"query_parameter": {"name": key.name}}
        case "client":
            return {"connection_properties": {"source_ip": True}}
        case "cookie":
            cookie: schema.Cookie = {"name": key.name}
            if key.cookie_ttl_s is not None:
                cookie["ttl"] = codec.duration(key.cookie_ttl_s)
                cookie["path"] = key.cookie_path
            return {"cookie": cookie}


def _redirect(action: Redirect) -> schema.RedirectAction:
    made: schema.RedirectAction = {"response_code": _REDIRECTS[action.status]}
    if action.scheme:
        made["scheme_redirect"] = action.scheme
    if action.host:
        made["host_redirect"] = action.host
    if action.port:
        made["port_redirect"] = action.port
    if action.path is not None:
        made["path_redirect"] = action.path
        made["strip_query"] = True
    return made


def _respond(action: Respond) -> schema.DirectResponseAction:
    body = action.body or _phrase(action.status)
    return {"status": action.status, "body": {"inline_string": f"{body}\n"}}


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
