"""What the exercise of lesson 9 must do: the stories of the six tickets, played on live processes."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from lessons.course import telling
from lessons.course.rejection import Judge, Rejected
from lessons.kit import session
from lessons.kit.project import Project
from lessons.lesson_09_the_app import stories, trials
from lessons.lesson_09_the_app.misconceptions import DATA, NEWSLETTER, PICTURE, TESTS, THOUGHT, WELCOME
from lessons.lesson_09_the_app.running import Application, DoesNotStart

LOOK = "make try-9, then play({}): the story of this ticket, with what was seen in it."


@dataclass
class Seen:
    """What was seen in each story."""

    thought: stories.Thought
    picture: stories.Picture
    newsletter: stories.Newsletter
    data: stories.Data
    welcome: stories.Welcome
    tests: trials.Tests


@pytest.fixture(scope="module")
def seen(answer):
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("REDIS_URL", raising=False)
        project = Project()
        session.start(server=True)
        try:
            app = Application(answer, watched=True, went_on=telling.goes_on)
            telling.goes_on()
            found = []
            for number in range(1, len(stories.PLAYED) + 1):
                found.append(stories.played(number, app))
                telling.goes_on()
        except DoesNotStart as error:
            why = " ".join(str(error).split())
            raise Rejected(f"Expected:    the application starts.\nInstead:     {why}\nLook:        make try-9") from None
        finally:
            session.end()
        return Seen(*found, trials.tests(answer, project, telling.goes_on))


@pytest.fixture
def judge(answer, seen):
    """Accepts what was seen in the story of a ticket, or says no."""

    def judge(number, story, right, misconceptions, *, expected, instead):
        Judge(Path(answer), seen, LOOK.format(number))(
            bool(right), misconceptions, expected=expected, instead=instead, scopes=[story]
        )

    return judge


def test_a_thought_is_mailed_even_if_the_mail_server_is_busy(seen, judge):
    """Ticket 1: a thought is left to the worker process, and arrives once when the mail server works again."""
    story = seen.thought
    judge(
        1,
        story,
        story.answered and story.page.status < 400 and not story.by_page and story.mails == 1,
        THOUGHT,
        expected="the page answers without waiting for the mail server; when that works again, one mail comes.",
        instead=f"the page {'answered' if story.answered else 'waited for it'}, with {story.page.status} in the end; "
        f"{stories.several(story.mails, 'mail')} came.",
    )


def test_the_picture_of_the_day_comes_when_the_service_is_well_again(seen, judge):
    """Ticket 2: the picture of the day comes, even if the picture service was down when it was asked for."""
    story = seen.picture
    waited = f"a thread was still busy with it after {story.seconds:.0f} seconds; then the service worked again: "
    if not story.hangs:
        waited = f"a thread paused for {story.paused:g} seconds; " if story.paused > stories.PAUSE else ""
    judge(
        2,
        story,
        story.mails == 1
        and not (story.without or story.yesterdays or story.hangs or story.retry_for or story.paused > stories.PAUSE),
        PICTURE,
        expected="the service is down for some hours; no thread waits for it, and when it works again, one mail comes.",
        instead=f"{waited}{stories.several(story.mails, 'mail')} with today's picture came, and "
        f"{story.without or 'none'} without"
        f"{f'; {story.yesterdays} with that of the day before' if story.yesterdays else ''}"
        f"{f'; the job is tried again for {story.retry_for:g} seconds only' if story.retry_for else ''}.",
    )


def test_who_wants_the_newsletter_is_greeted(seen, judge):
    """Ticket 3: everybody who wants the newsletter gets the greeting, from a job, and other jobs are run as before."""
    story = seen.newsletter
    judge(
        3,
        story,
        story.mails == 1 and not (story.by_page or story.left),
        NEWSLETTER,
        expected="a job sends one mail, and what waits in default is taken from there, as before.",
        instead=f"{'the page sent a mail itself; ' if story.by_page else ''}{stories.several(story.mails, 'mail')} came"
        f"{', and a job that waited in default is still there' if story.left else ''}.",
    )


def test_the_data_of_a_user_goes_to_the_address_that_they_have(seen, judge):
    """Ticket 4: a user's data goes to the address that they have when it is sent, and is true then."""
    story = seen.data
    judge(
        4,
        story,
        (story.new, story.old, story.by_page, story.outdated) == (1, 0, 0, 0),
        DATA,
        expected="Grace changed her address before the job ran; one mail goes to the new address, and what it says is true.",
        instead=f"{story.new or 'none'} went to the new address, and {story.old or 'none'} to the old one"
        f"{'; it said that her address is the old one' if story.outdated else ''}.",
    )


def test_a_new_user_is_greeted_once(seen, judge):
    """Ticket 5: everybody with an account is greeted once, by a job, as soon as it is saved; nobody else is."""
    story = seen.welcome
    has = "an account" if story.saved else "no account"
    told = [
        "there was a job for somebody who has no account" if story.for_nobody else "",
        "there was a job before the account was saved" if story.early and (story.meanwhile or not story.for_nobody) else "",
        f"somebody was told {story.refused.said!r}, and has {has}" if story.saved != (story.refused.status < 400) else "",
        "the page sent a mail itself" if story.by_page else "",
        f"{stories.several(story.mails, 'mail')} came to somebody with an account",
        "" if story.saved else f"{story.to_first or 'none'} came to somebody without one",
    ]
    judge(
        5,
        story,
        story.mails == 1
        and not (story.early or story.failed or story.by_page)
        and story.true_to_the_first
        and story.page.status < 400,
        WELCOME,
        expected="there is no job before the account is saved; then one mail comes, from a job. No account, no job.",
        instead=f"{'; '.join(filter(None, told))}.",
    )


def test_a_broken_goodbye_is_noticed(seen, judge):
    """Ticket 6: the tests are green, and one turns red if GoodbyeWorker does nothing, or mails to somebody else."""
    story = seen.tests
    through = [name for name, noticed in story.noticed.items() if not noticed]
    red = ", ".join(one.test for one in story.red)
    judge(
        6,
        story,
        story.results and not story.red and not through,
        TESTS,
        expected="all tests are green with the application as it is. If GoodbyeWorker is broken, one of them is red.",
        instead=f"{red} was red with the application as it is."
        if red
        else f"all tests were green, although {' and then '.join(through)}.",
    )
