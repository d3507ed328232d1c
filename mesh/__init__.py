"""Workload identities and certificates of a service mesh."""
