"""Mail without a network, as the check of lesson 5 sends it: the same as over a socket, for who sends and for who reads."""

from __future__ import annotations

import smtplib
import socket
from email.message import EmailMessage

import pytest

from lessons.kit import mail, wire


@pytest.fixture(params=["socket", "wire"])
def inbox(request, monkeypatch):
    box = mail.catch_mail()
    if request.param == "socket":
        yield box
    else:
        with wire.in_place_of_the_network():
            monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("a socket was opened"))
            yield box
    box.stop()


def sent(inbox):
    return [(one["To"], one["Subject"], one.get_content().splitlines()) for one in inbox.mails]


def test_a_mail_arrives_as_it_was_written(inbox):
    mail.send_gif("ada@example.com", "a cät", seconds=0)
    assert sent(inbox) == [("ada@example.com", "a cät", ["Somebody thought of you: a cät"])]


def test_lines_that_begin_with_a_dot_keep_it(inbox):
    one = EmailMessage()
    one["From"], one["To"], one["Subject"] = "me@example.com", "ada@example.com", "dots"
    one.set_content(".\n..\n.hidden\nthe end\n")
    with smtplib.SMTP(mail.HOST, inbox.port, "localhost") as server:
        server.send_message(one)
    assert inbox.mails[0].get_content().splitlines() == [".", "..", ".hidden", "the end"]


def test_a_refusal_is_raised_and_the_next_mail_arrives_on_the_same_connection(inbox):
    inbox.refuse(1)
    with smtplib.SMTP(mail.HOST, inbox.port, "localhost") as server:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            server.sendmail("me@example.com", ["ada@example.com", "grace@example.com"], "Subject: one\n\nhello")
        server.sendmail("me@example.com", "ada@example.com", "Subject: two\n\nhello")
    assert (refusal.value.smtp_code, refusal.value.smtp_error) == (451, b"The mail server is busy, try again later")
    assert [one["Subject"] for one in inbox.mails] == ["two"]
    assert inbox.refused == 1


def test_the_server_says_the_same_of_itself(inbox):
    with smtplib.SMTP(mail.HOST, inbox.port, "localhost") as server:
        server.ehlo()
        assert server.esmtp_features == {"size": "33554432", "8bitmime": "", "smtputf8": "", "help": ""}
        assert server.docmd("GREETINGS")[0] == 500


def test_an_inbox_that_was_stopped_is_not_reached(inbox):
    inbox.stop()
    with pytest.raises((ConnectionRefusedError, pytest.fail.Exception)):
        mail.send_gif("ada@example.com", "a cat", seconds=0)
