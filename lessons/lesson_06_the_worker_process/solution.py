"""The new process comes first, and the old one goes last. In between, each step waits for something that can be seen.

`start_new()` returns while the code still loads, so `ready()` is waited for. Until then the old
process goes on: nobody waits for the new code.

`quiet()` lets the old process take no more jobs. From here on, only the new code begins any. What
runs in the old process goes on, however long it takes: `busy()` says when it is over.

Only then `stop()`, which has nothing to cut off. It waits until the process has ended.

For a moment, between `ready` and `quiet`, both take jobs. So the new code must be able to run the
jobs that the old code has pushed, and for that moment the other way round as well.
"""

from lessons.kit import wait_until


def deploy(old, start_new):
    new = start_new()
    wait_until(new.ready)
    old.quiet()
    wait_until(lambda: old.busy() == 0)
    old.stop()
