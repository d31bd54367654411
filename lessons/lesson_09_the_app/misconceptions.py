"""What people do who hide a symptom of lesson 9's application, and what proves it. See `lessons.course.rejection`.

A row is about one ticket. What was wrong with the application as handed out is mentioned, and not explained: that is for the
learner.
"""

from operator import attrgetter

from lessons.course.rejection import Misconceptions
from lessons.course.seen import brief
from lessons.lesson_09_the_app.stories import PAUSE, times
from lessons.lesson_09_the_app.trials import BROKEN

THOUGHT, PICTURE, NEWSLETTER, DATA, WELCOME, TESTS = (Misconceptions() for _ in range(6))

TABLES = (THOUGHT, PICTURE, NEWSLETTER, DATA, WELCOME, TESTS)


def handed_out(table):
    """The row of what was handed out. All six have the same name: it is not said what is wrong."""

    def add(holds):
        def as_handed_out(seen):
            return "the exercise as it was handed out, or near it: this ticket is still open." if holds(seen) else None

        table.add(as_handed_out)
        return holds

    return add


def serves_no_default(story_of):
    """The row of a Procfile in which `default` is missing: whatever the ticket, its job is not taken."""

    def serves_newsletters_only(seen):
        story = story_of(seen)
        if story.stuck == "default":
            return (
                "a queue that nobody serves any more. The job waits in default, and the worker process takes jobs from "
                f"{' and '.join(story.served_then)}. As soon as -q names a queue, only those that are named are served."
            )
        return None

    return serves_newsletters_only


for _table, _name in zip(TABLES, ("thought", "picture", "newsletter", "data", "welcome"), strict=False):
    if _table is not NEWSLETTER:
        _table.add(serves_no_default(attrgetter(_name)))


# Ticket 1: what the page does itself.


@handed_out(THOUGHT)
def _(seen):
    story = seen.thought
    return story.by_page == 1 and story.page.status == 500 and not (story.answered or story.pushed)


@THOUGHT.add
def pushes_and_sends(seen):
    story = seen.thought
    if not (story.by_page and story.pushed):
        return None
    if story.good_day > 1:
        return (
            "doing both. The page pushes a job, and it sends the mail itself as well. On a good day, the same thought comes "
            "twice."
        )
    return (
        "a job only if the page could not send the mail itself. The page still tries first, and the visitor waits "
        "for the mail server."
    )


@THOUGHT.add
def retries_off(seen):
    story = seen.thought
    if story.jobs and not (story.by_page or story.mails) and not any(job.get("retry", True) for job in story.jobs):
        return (
            f"a job that is not tried again: its retry is {story.jobs[0]['retry']!r}. The mail server refused the mail, and "
            "that was the end of it."
        )
    return None


@THOUGHT.add
def own_thread(seen):
    if seen.thought.by_page and seen.thought.answered and not seen.thought.pushed:
        return (
            "a thread, or a process, that the page starts. The page answers at once, and the mail is nowhere but in that "
            "thread: not in Redis, not in the dashboard. If the mail server refuses it, or the page is deployed, it is gone."
        )
    return None


@THOUGHT.add
def tries_again_in_the_page(seen):
    if seen.thought.by_page > 1 and not seen.thought.answered:
        return (
            f"trying again in the page: it tried {times(seen.thought.by_page)}. That hides a short outage, and the visitor "
            "waits meanwhile. Mail servers can be busy for hours."
        )
    return None


@THOUGHT.add
def swallows_the_refusal(seen):
    story = seen.thought
    if story.by_page == 1 and story.page.status < 400 and not (story.answered or story.pushed or story.mails):
        return (
            "swallowing the error. The page says that all is well, and the mail was refused. The visitor was better off "
            "with the error, which was true."
        )
    return None


# Ticket 2: what a job does about a service that does not answer.


@handed_out(PICTURE)
def _(seen):
    story = seen.picture
    came = story.mails or story.without or story.yesterdays
    return story.asked == 1 and story.done and not (story.kept or came or story.paused)


@PICTURE.add
def asks_again_and_again(seen):
    story = seen.picture
    if story.asked > 1 and story.runs <= 1 and not (story.without or {"retry", "schedule"} & set(story.kept)):
        return (
            f"a retry loop in perform: one run asked {times(seen.picture.asked)}. A thread of the worker process is "
            "occupied meanwhile, and nobody sees it. When the loop gives up, all is as before."
        )
    return None


@PICTURE.add
def pushes_itself_at_once(seen):
    if seen.picture.runs > 1:
        return (
            f"pushing the job again at once: {seen.picture.runs} runs, one after the other, and each found the service "
            "down. It goes on like that until the service works again, and keeps a thread busy."
        )
    return None


@PICTURE.add
def waits_longer(seen):
    if seen.picture.hangs and seen.picture.asked == 1:
        return (
            f"a longer timeout. After {seen.picture.seconds:.0f} seconds the run was still waiting for an answer. A service "
            "that is down for hours gives none. Ten such jobs occupy all the threads, and no other mail goes out."
        )
    return None


@PICTURE.add
def sends_yesterdays_picture(seen):
    if seen.picture.yesterdays:
        return (
            "sending yesterday's picture. The worker process had it from a job that ran the day before. Grace was told that "
            "it is today's, and today's never comes."
        )
    return None


@PICTURE.add
def too_few_retries(seen):
    story = seen.picture
    if story.dead and not (story.mails or story.without or story.yesterdays):
        return (
            "too few retries. They were used up while the service was down, and when it worked again, the job was in dead. "
            "Unless the class says otherwise, a job is tried again for three weeks."
        )
    return None


@PICTURE.add
def sends_without_the_picture(seen):
    if seen.picture.without:
        return "sending a mail without the picture. Nobody asked for that, and the picture of that day never comes."
    return None


@PICTURE.add
def sleeps_first(seen):
    if seen.picture.paused and seen.picture.asked <= 1 and seen.picture.done and not seen.picture.kept:
        return (
            "a pause in perform. (The check makes each one short.) Nobody knows for how long the service is down, and when "
            "the pause is over, the run ends as before."
        )
    return None


@PICTURE.add
def waits_before_it_is_tried_again(seen):
    story = seen.picture
    if story.paused > PAUSE and {"retry", "schedule"} & set(story.kept):
        return (
            f"a pause in perform: {story.paused:g} seconds. (The check makes each one short.) A thread is occupied "
            f"meanwhile. A job that waits in {story.kept[0]} occupies none, and this one did that as well."
        )
    return None


@PICTURE.add
def gives_up_by_itself(seen):
    story = seen.picture
    if "schedule" in story.kept and story.given_up and not (story.mails or story.without):
        return (
            "a limit of your own. The job pushed itself again for later, some times, and then no more, and the service was "
            "down for longer. If the run fails, the worker process tries it again: for three weeks, and anybody can see it."
        )
    return None


# Ticket 3: a job that nobody takes.


@handed_out(NEWSLETTER)
def _(seen):
    story = seen.newsletter
    near = story.pushed == ["newsletters"] and story.served == ["default", "newsletter"] and story.processes == 1
    return near and not story.by_page


@NEWSLETTER.add
def sends_it_in_the_page(seen):
    if seen.newsletter.by_page:
        return (
            "sending the mail from the page. It comes, as long as the mail server works, and ticket 1 is back: the "
            "visitor waits, and what fails is lost."
        )
    return None


@NEWSLETTER.add
def another_queue_nobody_serves(seen):
    story = seen.newsletter
    waiting = [queue for queue in story.pushed if queue not in story.served and queue != "newsletters"]
    if waiting and not story.mails:
        return (
            f"another name. The job is in {waiting[0]} now, and nobody takes jobs from there: the worker process takes them "
            f"from {' and '.join(story.served)}."
        )
    return None


@NEWSLETTER.add
def serves_another_name(seen):
    story = seen.newsletter
    changed = story.processes > 1 or story.served != ["default", "newsletter"]
    if "newsletters" in story.pushed and "newsletters" not in story.served and changed and not story.mails:
        return (
            "serving a queue of another name. The job is in newsletters, and the Procfile's worker processes take jobs from "
            f"{' and '.join(story.served)}. Compare the names, letter by letter."
        )
    return None


@NEWSLETTER.add
def pushes_to_every_queue(seen):
    if len(seen.newsletter.pushed) > 1:
        return (
            f"pushing several jobs, to be sure: one in {' and one in '.join(seen.newsletter.pushed)}. Each one that runs "
            "sends a mail."
        )
    return None


@NEWSLETTER.add
def does_not_load_the_worker(seen):
    if "UnknownWorker: " in seen.newsletter.failure:
        return (
            "a worker process that has not loaded the Worker. It took the job, and knows no class of this name, so the run "
            "failed. Each line of the Procfile starts a process of its own, and -r says which file that loads."
        )
    return None


@NEWSLETTER.add
def leaves_what_waits(seen):
    story = seen.newsletter
    if story.left and "default" not in story.served:
        return (
            f"serving another queue in place of default. The worker process takes jobs from {' and '.join(story.served)} "
            "now, and what waits in default when you deploy stays there."
        )
    return None


# Ticket 4: what is in the job.


@handed_out(DATA)
def _(seen):
    return "'str' object has no attribute" in seen.data.failure and "User(" in str(seen.data.args)


@DATA.add
def sends_the_data_in_the_page(seen):
    if seen.data.by_page:
        return (
            "sending the mail from the page. It was sent before Grace changed her address, and, as in ticket 1, what "
            "fails is lost."
        )
    return None


@DATA.add
def pushes_a_copy(seen):
    args = seen.data.args
    if args and any(isinstance(one, (dict, list)) for one in args[0]) and seen.data.old:
        return (
            f"a copy of the user in the job: {brief(args[0], 60)}. Whatever changes after the push, the copy says what was "
            "true before it, and the mail went to the old address."
        )
    return None


@DATA.add
def pushes_the_address(seen):
    args = seen.data.args
    if args and "grace@example.com" in args[0] and not seen.data.new:
        return (
            "the address as an argument. It is JSON, and it is the address that Grace had when she asked. What stays the "
            "same is her id."
        )
    return None


@DATA.add
def makes_the_text_too_early(seen):
    if seen.data.outdated:
        return (
            "a text that was made before the push. The mail went to the new address, and it said that the old one is hers. "
            "What the job looks up itself is true when the mail is sent."
        )
    return None


@DATA.add
def remembers_the_user(seen):
    story = seen.data
    if story.old and story.args and not (story.by_page or "grace@example.com" in str(story.args)):
        return (
            f"remembering somebody who was looked up before. The job says who it is, {brief(story.args[0], 40)}, and an "
            "earlier job of hers had run. The mail went to the address that she had then. Look her up each time."
        )
    return None


@DATA.add
def swallows_the_failure(seen):
    story = seen.data
    if story.args and not (story.failure or story.kept or story.old or story.new or story.by_page):
        return (
            "swallowing the error. The run counts as done, the dashboard is clean, and Grace still has no mail. Before, "
            "somebody could at least see that it failed."
        )
    return None


# Ticket 5: when the job is pushed.


@handed_out(WELCOME)
def _(seen):
    story = seen.welcome
    early = story.for_nobody and story.meanwhile
    return early and story.failed and story.mails == 2 and not (story.paused or "schedule" in story.early)


@WELCOME.add
def pushes_for_later(seen):
    if "schedule" in seen.welcome.early:
        return (
            "pushing the job for later, and hoping that the account is saved by then. It may take longer; and an account "
            "that is never saved has a job all the same."
        )
    return None


@WELCOME.add
def waits_in_perform(seen):
    if seen.welcome.early and seen.welcome.paused:
        return (
            "a pause in perform. (The check makes each one short.) The job hopes that the account is saved meanwhile. Some "
            "take longer, some are never saved, and a thread of the worker process waits for them."
        )
    return None


@WELCOME.add
def passes_over_the_missing_account(seen):
    if seen.welcome.done_early and not seen.welcome.mails:
        return (
            "a job that ends well when there is no such account. It ran before the account was saved, found nobody, and "
            "counted as done. Nobody is greeted."
        )
    return None


@WELCOME.add
def greets_somebody_without_an_account(seen):
    if seen.welcome.to_nobody:
        return "a job that does not need the account. Somebody was told Sorry, has no account, and was greeted all the same."
    return None


@WELCOME.add
def saves_it_and_says_sorry(seen):
    story = seen.welcome
    if story.saved and story.refused.status >= 400:
        return (
            "an account that is saved, and a page that says otherwise. Somebody was told "
            f"'{story.refused.said}', and has one{'' if story.avatar else ', without an avatar'}: the page says one thing, "
            "the database another."
        )
    return None


@WELCOME.add
def greets_from_the_page(seen):
    story = seen.welcome
    if story.by_page:
        return (
            "sending the mail from the page: ticket 1 is back. The mail server refused one, and the page answered "
            f"{story.last.status}.{' The account was saved.' if story.last_saved else ''}"
        )
    return None


@WELCOME.add
def pushes_whatever_happened(seen):
    story = seen.welcome
    if story.for_nobody and not (story.meanwhile or story.to_nobody or "schedule" in story.early) and story.mails > 1:
        return (
            "pushing the job whether the account was saved or not. The first one was told Sorry, and there was a job all "
            f"the same. The second one was given the number in it, and got {story.mails} mails."
        )
    return None


@WELCOME.add
def pushes_at_the_end_of_the_block(seen):
    if seen.welcome.at_the_end:
        return (
            "pushing the job as the last thing in the block. The account is saved when the block is left, and that can take "
            "a while, or fail. A worker process needs a millisecond."
        )
    return None


@WELCOME.add
def looks_again_in_the_job(seen):
    story = seen.welcome
    early = story.for_nobody and story.meanwhile and story.failed
    if early and story.mails == 1 and not (story.paused or story.at_the_end or "schedule" in story.early):
        return (
            "a job that looks more closely, and is still pushed before the account is saved. It failed until the account "
            "was there, so the mail came late. And there is a job for somebody who has no account."
        )
    return None


# Ticket 6: what a test is good for.


@handed_out(TESTS)
def _(seen):
    return not seen.tests.changed


@TESTS.add
def takes_the_test_out(seen):
    story = seen.tests
    if story.changed and not (story.red or story.pushed or story.ran or any(story.noticed.values())):
        return "having no test for it. None of your tests pushes a job of GoodbyeWorker, and none runs one."
    return None


@TESTS.add
def tests_the_push_only(seen):
    story = seen.tests
    if story.changed and story.pushed and not (story.ran or story.replaced or story.red):
        return (
            "testing the push only. A test pushed a job, and none of them ran it, so whatever perform does, they are green. "
            "In fake mode somebody has to run the job: see lesson 5."
        )
    return None


@TESTS.add
def runs_without_looking(seen):
    story = seen.tests
    if story.changed and story.ran and not (story.red or any(story.noticed.values())):
        return "running the job, and not looking at what it did. A test is red only if something in it says so."
    return None


@TESTS.add
def content_with_no_mail(seen):
    nothing, elsewhere = (seen.tests.noticed[name] for name in BROKEN)
    if elsewhere and not nothing and not seen.tests.red:
        return (
            "a test that is content if no mail goes out at all. It was red when the mail went to somebody else, and green "
            "when there was none. (all() of an empty list is true.)"
        )
    return None


@TESTS.add
def does_not_look_at_the_address(seen):
    nothing, elsewhere = (seen.tests.noticed[name] for name in BROKEN)
    if nothing and not elsewhere and not seen.tests.red:
        return "counting the mails only. One mail went out, to somebody else, and every test was green."
    return None
