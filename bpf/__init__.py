"""The kernel's half: programs, maps, how they are loaded, attached and read."""
