# Right: perform only mails. Whether the job is the one that counts is asked around it, for every job of this Worker.
from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker, middleware


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


@middleware.server.add
def only_the_one_that_counts(worker, job, call_next):
    event = find_event(job["args"][0])
    if not isinstance(worker, ReminderWorker) or (event and event["job"] == job["jid"]):
        call_next()


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


move = create


def cancel(name):
    delete_event(name)
