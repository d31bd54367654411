"""The inbox is a real mail server, and sending to it is slow on purpose."""

from __future__ import annotations

import smtplib
import time

import pytest

from lessons.kit import catch_mail, find_user, send_gif, stage
from lessons.kit.people import as_they_were, move_house


@pytest.fixture
def inbox():
    return catch_mail()  # conftest.py stops it


def send(thought="hello"):
    send_gif("ada@example.com", thought, seconds=0)


def test_a_mail_arrives_as_it_was_sent(inbox):
    send_gif("ada@example.com", "a cat 🐈 on a skateboard, and ümläuts", seconds=0)
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "a cat 🐈 on a skateboard, and ümläuts")
    assert mail.get_content().strip() == "Somebody thought of you: a cat 🐈 on a skateboard, and ümläuts"


def test_any_program_that_speaks_smtp_can_send(inbox):
    with smtplib.SMTP("127.0.0.1", inbox.port, timeout=10) as server:
        server.sendmail("a@example.com", ["b@example.com"], "To: b@example.com\r\nSubject: by hand\r\n\r\nhello")
    assert [mail["Subject"] for mail in inbox.mails] == ["by hand"]


def test_the_inbox_shows_its_mails_oldest_first(inbox):
    assert "(no mail)" in str(inbox)
    send("one")
    send("two")
    assert str(inbox).splitlines() == [
        "   to               subject",
        "1  ada@example.com  one",
        "2  ada@example.com  two",
    ]
    assert len(inbox) == 2


def test_in_a_notebook_nothing_in_a_mail_is_read_as_html(inbox):
    send("<script>")
    assert "&lt;script&gt;" in inbox._repr_html_()


def test_refused_mails_raise_451_as_often_as_asked_and_then_they_arrive(inbox):
    inbox.refuse(2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send()
        assert refused.value.smtp_code == 451
    send()
    assert (inbox.refused, len(inbox)) == (2, 1)


def test_an_inbox_can_be_emptied(inbox):
    send()
    inbox.empty()
    assert len(inbox) == 0


def test_a_second_inbox_takes_over_and_is_empty(inbox):
    send()
    second = catch_mail()
    send("second")
    assert (len(inbox), len(second)) == (1, 1)


def test_stopping_twice_is_stopping_once(inbox):
    inbox.stop()
    inbox.stop()
    with pytest.raises(ConnectionRefusedError):
        send()


def test_without_a_server_one_sentence_says_what_to_run():
    with pytest.raises(ConnectionRefusedError, match=r"There is no mail server: run the cell with catch_mail\(\) first\."):
        send()


def test_a_mail_takes_five_seconds_times_the_pace(inbox, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setenv(stage.PACE, "1")
    send_gif("ada@example.com", "hello")
    monkeypatch.setenv(stage.PACE, "0.1")
    send_gif("ada@example.com", "hello")
    assert slept == [5.0, 0.5]


@pytest.mark.parametrize(
    ("environment", "pace"),
    [({}, 1), ({"CI": "true"}, 0.02), ({"CI": "false"}, 1), ({stage.PACE: "0.5"}, 0.5), ({stage.PACE: "", "CI": ""}, 1)],
)
def test_pauses_are_whole_except_under_ci(environment, pace, monkeypatch):
    for name in ("CI", stage.PACE):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert stage.pace() == pace
    assert stage.pause(6) == 6 * pace


def test_what_was_asked_for_wins_over_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv(stage.PACE, "1")
    assert stage.pace() == 1


def test_letting_time_pass_waits_as_long_as_the_pace_says(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setenv(stage.PACE, "0.5")
    stage.let_time_pass(6)
    assert slept == [3.0]


def test_a_user_has_moved_for_whoever_looks_them_up_afterwards():
    before = find_user(1)
    move_house(1, "ada@new.example.com")
    assert before.email == "ada@example.com"
    assert find_user(1).email == "ada@new.example.com"
    as_they_were()
    assert find_user(1) == before


def test_changing_a_user_by_hand_does_not_change_the_database():
    find_user(2).email = "nowhere"
    assert find_user(2).email == "grace@example.com"


def test_a_user_who_is_not_there_is_named():
    with pytest.raises(LookupError, match=r"There is no user 3\."):
        find_user(3)
