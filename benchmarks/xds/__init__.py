"""The xDS server, measured beside go-control-plane with a real Envoy."""
