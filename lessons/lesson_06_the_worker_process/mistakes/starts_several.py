"""Asked again and again until it is ready; but each question starts another one."""

from lessons.kit import wait_until


def deploy(old, start_new):
    start_new()
    wait_until(start_new().ready)
    old.quiet()
    wait_until(lambda: old.busy() == 0)
    old.stop()
