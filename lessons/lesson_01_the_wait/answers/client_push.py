# Right: pushes with `Client.push`, which is what `perform_async` uses, through a small helper.
import minijobs
from lessons.kit import send_gif


class SendGifToUserWorker(minijobs.Worker):
    def perform(self, email, thought):
        return send_gif(email, thought)


def _enqueue(worker, *args):
    return minijobs.Client().push({"class": worker.job_name, "args": list(args), **worker.options()})


def create(email, thought):
    _enqueue(SendGifToUserWorker, email, thought)
    return "You did it! An email is on its way to " + email
