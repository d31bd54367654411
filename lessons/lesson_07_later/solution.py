"""A job that has been pushed cannot be called back for certain: it may be in `schedule`, in its queue, or
running already. So nothing is called back here. The job asks, when it runs, whether it is still wanted.

What does it ask for? The moment alone will not do: an event that is moved away and back again has two jobs
for the same moment. A number that counts the changes will not do either, if it begins at 1 again when an
event is cancelled and another one is created under its name. But every job has a name that no other job
has: its id. `perform_at` returns it, the event's row keeps it, and `perform` compares. Of all the jobs that
were ever pushed for an event, the row names one, and no other one sends a mail.

The jobs that nobody wants any more stay where they are. They run at their moment and do nothing. You may
delete those that are still in `schedule`, to keep it small. That they do no harm must not depend on it.

To delete the job wherever it waits, in `schedule`, in its queue and in `retry`, is not enough: a worker process
may have fetched it, and you find it in none of the three. If that process is killed then, the job is rescued, and
it mails hours later about an event that was cancelled. A job that asks finds out.
"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["job"] == self.jid:
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def cancel(name):
    delete_event(name)
