"""What a kernel runs when it starts, if `make notebook-N` has started JupyterLab (by PYTHONSTARTUP); elsewhere nothing."""

import sys

if "ipykernel" in sys.modules:  # a terminal of JupyterLab runs this too
    import lessons.course.cells as _  # noqa: F401  it listens as soon as it is there
