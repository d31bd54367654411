"""Exercise 5: tests that notice.

This time the code is right, and the tests are missing. The code is in `mailer.py`, beside this
file. Everybody relies on this:

1. `create` pushes one job and no more, of `SendGifToUserWorker`, to be run as soon as possible. Its
   arguments are the address and the thought. `create` sends nothing itself, and answers with a text
   that names the address.
2. When the job runs, one mail and no more is sent, to this address. Its subject is the thought.
3. When the mail server refuses once, the run fails, no matter with which exception, and the job is
   tried again.

Everything else may change: the queue, the words of the answer, how many retries there are, by which
method the job is pushed, how `send_gif` is called.

Write tests, functions whose names begin with `test_`. With the code as it is, and with every other
version of it that keeps 1 to 3, they are green: in any order, and twice in one process. With each
version that breaks one of the three, at least one of them is red, again in any order.

There are two fixtures: `fake_jobs`, and `inbox`, which starts empty. You may write others.
Check it with: make check-5 (or: python -m lessons check 5)
"""

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing


def test_that_email_is_sent(fake_jobs, inbox):
    create("test@test.com", "hello")
    # literally no idea what to assert here...
