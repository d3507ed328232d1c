"""Lockgate's Ingress controller beside Contour, over the same API server, Envoy and objects."""
