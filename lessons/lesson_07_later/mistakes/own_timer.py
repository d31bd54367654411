"""a timer is all that is needed"""

import threading
import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


def remind_if_wanted(name, at):
    event = find_event(name)
    if event and event["at"] == at:
        remind(name)


def create(name, at):
    save_event(name, at=at)
    threading.Timer(at - time.time(), remind_if_wanted, [name, at]).start()


move = create


def cancel(name):
    delete_event(name)
