# Right: as unittest has it, with set-up and tear-down.
import unittest

from lessons.kit import catch_mail
from lessons.lesson_05_testing import mailer
from minijobs import testing


class MailerTest(unittest.TestCase):
    def setUp(self):
        testing.clear_all()
        self.mode = testing.fake()
        self.mode.__enter__()
        self.addCleanup(self.mode.__exit__, None, None, None)
        self.inbox = catch_mail()
        self.addCleanup(self.inbox.stop)

    def sent(self):
        return [(str(mail["To"]), str(mail["Subject"])) for mail in self.inbox.mails]


class PushTest(MailerTest):
    def test_one_job_is_pushed(self):
        answer = mailer.create("ada@example.com", "a cat")
        self.assertIn("ada@example.com", answer)
        self.assertEqual([job["args"] for job in testing.jobs(mailer.SendGifToUserWorker)], [["ada@example.com", "a cat"]])
        self.assertNotIn("at", testing.jobs(mailer.SendGifToUserWorker)[0])
        self.assertFalse(self.sent())


class EffectTest(MailerTest):
    def test_both_get_their_mail(self):
        mailer.create("ada@example.com", "a cat")
        mailer.create("grace@example.com", "two cats")
        self.assertEqual(testing.drain(mailer.SendGifToUserWorker), 2)
        self.assertEqual(self.sent(), [("ada@example.com", "a cat"), ("grace@example.com", "two cats")])

    def test_a_refusal_is_raised_and_there_is_a_retry(self):
        self.inbox.refuse(1)
        mailer.create("ada@example.com", "a cat")
        self.assertIsNot(testing.jobs()[0]["retry"], False)
        with self.assertRaises(Exception):  # noqa: B017
            testing.perform_one(mailer.SendGifToUserWorker)
