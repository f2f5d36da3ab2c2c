"""Repeatable benchmarks. Every figure is a ratio between two things measured in turns within one run."""
