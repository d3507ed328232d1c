"""Ingress and IngressClass to IR: virtual hosts, clusters, endpoints and certificates."""
