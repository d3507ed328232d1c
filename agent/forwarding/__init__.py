"""From Services and Pods to the load balancers of this node."""
