"""The arithmetic of the benchmarks: what is told of a run is what was measured."""
