"""Runnable lessons about background jobs. `python -m lessons` says what there is."""
