"""What other servers do for us: one takes our mails, one draws pictures. Neither always works."""

import os
import smtplib
from email.message import EmailMessage
from urllib.request import urlopen

MAIL_PORT = int(os.environ.get("APP_MAIL_PORT", "1025"))
PICTURES = os.environ.get("APP_PICTURES", "http://localhost:8080")


def send_mail(to, subject, text):
    """Send a mail. Raises smtplib.SMTPException if the mail server does not take it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "thoughts@example.com", to, subject
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", MAIL_PORT, "localhost", timeout=60) as server:
        server.send_message(mail)


def picture_of_the_day():
    """The name of today's picture. Raises TimeoutError if there is no answer for half a second."""
    with urlopen(f"{PICTURES}/today", timeout=0.5) as answer:
        return answer.read().decode()


def draw_avatar(name):
    """Have a picture drawn for somebody new, which takes a while. Raises OSError if it cannot be drawn."""
    with urlopen(f"{PICTURES}/avatar", data=name.encode(), timeout=60) as answer:
        return answer.read().decode()
