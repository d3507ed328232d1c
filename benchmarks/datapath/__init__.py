"""The kernel's side measured: pods, load, rules of kube-proxy's shape, and each comparison."""
