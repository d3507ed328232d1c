"""A real Kubernetes cluster on this host: each node a set of namespaces, with Lockgate inside."""
