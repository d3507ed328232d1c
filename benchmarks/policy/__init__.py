"""Policy engines side by side."""
