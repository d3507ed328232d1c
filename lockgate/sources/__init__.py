"""Where declarations come from; what they say is read here, what they mean is not."""
