"""Stopped in a thread, and waited for all the same."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event


def wait_for(condition):
    pause = Event()
    while not condition():
        pause.wait(0.1)


def deploy(old, start_new):
    new = start_new()
    wait_for(new.ready)
    old.quiet()
    wait_for(lambda: old.busy() == 0)
    with ThreadPoolExecutor() as pool:
        pool.submit(old.stop).result()
