"""Runnable lessons about background jobs. `python -m lessons` says what there is."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - with an older one, people should read a sentence, not a traceback
    sys.exit("The lessons need Python 3.11 or later, and this is {}.{}.".format(*sys.version_info))
