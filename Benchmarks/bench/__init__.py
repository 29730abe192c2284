"""What the benchmarks share: figures with their goals, servers, processes, Slipway in a place of its own."""
