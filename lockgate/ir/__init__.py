"""What proxies must serve and what nodes must enforce: plain values, each with its origin."""
