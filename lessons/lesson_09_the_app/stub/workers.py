"""The jobs of the application."""

import database
import services
from minijobs import Worker
from minijobs.log import logger


class SendGifToUserWorker(Worker):
    """Mails somebody a thought."""

    def perform(self, email, thought):
        services.send_mail(email, thought, f"Somebody thought of you: {thought}")


class PictureWorker(Worker):
    """Mails somebody the picture of the day."""

    def perform(self, email):
        try:
            picture = services.picture_of_the_day()
        except TimeoutError:
            logger.info("no answer from the picture service")
            return
        services.send_mail(email, "The picture of the day", f"Today it is: {picture}")


class NewsletterWorker(Worker):
    """Greets somebody who wants the newsletter."""

    queue = "newsletters"

    def perform(self, email):
        services.send_mail(email, "Our newsletter", "You will get it every month.")


class DataWorker(Worker):
    """Mails a user all that we know about them."""

    def perform(self, user):
        text = f"Your number is {user.id}.\nYour name is {user.name}.\nYour address is {user.email}."
        services.send_mail(user.email, "What we know about you", text)


class WelcomeWorker(Worker):
    """Greets a new user."""

    def perform(self, number):
        user = database.find_user(number)
        services.send_mail(user.email, "Welcome", f"You have an account now, {user.name}.")


class GoodbyeWorker(Worker):
    """Says goodbye to somebody who has closed their account."""

    def perform(self, email):
        services.send_mail(email, "Goodbye", "Your account is closed. Come back some day.")
