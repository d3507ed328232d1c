"""What the ingress serves, as Envoy resources."""
