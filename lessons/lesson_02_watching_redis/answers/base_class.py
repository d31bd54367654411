# Right: a base class looks up the user for every Worker that is about one; the subclass reads the date and sends.
from datetime import date, datetime

from lessons.kit import find_user, send_gif
from minijobs import Worker


class AboutUser(Worker):
    """A Worker whose first argument is the id of a user. A subclass defines `perform_for`."""

    def perform(self, user_id, *args):
        self.perform_for(find_user(user_id), *args)

    def perform_for(self, user, *args):
        raise NotImplementedError

    @classmethod
    def push_for(cls, user, *args):
        plain = [arg.isoformat() if isinstance(arg, date) else arg for arg in args]
        return cls.perform_async(user.id, *plain)


class SendCardWorker(AboutUser):
    def perform_for(self, user, day):
        weekday = datetime.strptime(day, "%Y-%m-%d").strftime("%A")
        send_gif(user.email, f"Happy {weekday}, {user.name}")


def greet(user, day):
    SendCardWorker.push_for(user, day)
