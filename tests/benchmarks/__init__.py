"""How fast and how large: run by hand with ``python -m tests.benchmarks.local`` and ``….hub``, never by pytest."""
