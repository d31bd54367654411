# Right: an odd form; `perform` is `send_gif` itself as a staticmethod, and the one job is pushed by `perform_bulk`.
from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    perform = staticmethod(send_gif)


def create(email, thought):
    [_jid] = SendGifToUserWorker.perform_bulk([(email, thought)])
    return "You did it! An email is on its way to " + email
