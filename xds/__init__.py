"""Envoy's side: resources from the IR, the xDS server, access logs and the Envoy process."""
