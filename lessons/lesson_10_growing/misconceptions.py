"""What people believe who get exercise 10 wrong, and what proves that they do. See `lessons.course.rejection`.

The evidence is mostly an experiment: the same set-up on a day that differs in one thing.
"""

import re

from lessons.course.rejection import Misconceptions
from lessons.kit.command_line import plans
from lessons.lesson_10_growing.outlook import MOST_PROCESSES, MOST_THREADS

LIMITS, MAILS, GIFS, REPORTS, REAL = (Misconceptions() for _ in range(5))

BUSY_AT_NOON = 9.3  # threads: 18.6 mails a second, for half a second each


def too_many(seen):
    """Whether there are more processes or threads than there may be."""
    return len(seen.plans) > MOST_PROCESSES or seen.threads > MOST_THREADS


def reports_are_in_the_way(seen, kind):
    """Whether the promise for this kind is broken, and would be kept if there were no reports."""
    return seen.broken(kind) and seen.without("report").kept(kind)


@LIMITS.add
def returns_nothing(seen):
    if seen.call.error is None and seen.call.result is None:
        return "a set_up that returns nothing. Python returns None where there is no return."
    return None


@LIMITS.add
def words_apart(seen):
    result = seen.call.result
    lines = result[1] if isinstance(result, tuple) and len(result) == 2 else None
    if isinstance(lines, list) and any(isinstance(line, list | tuple) for line in lines):
        return 'lines that are lists of words. A line is one text, as you would type it, such as "-q mail -c 12".'
    return None


@LIMITS.add
def lines_only(seen):
    result = seen.call.result
    if isinstance(result, list) and result and all(isinstance(line, str) and "-" in line for line in result):
        return "returning the lines without the queues. Which queue a job is pushed to is your choice, too."
    return None


@LIMITS.add
def whole_command(seen):
    if seen.refused and any(re.match(r"\s*(\S*python\S* -m )?minijobs\b", line) for line in seen.lines):
        return "the whole command. `minijobs worker` is there already: a line has only the words that come after it."
    return None


@LIMITS.add
def commas_between_queues(seen):
    if seen.refused and (found := re.search(r"(?:-q|--queue)[ =]?(\w+,\D\S*)", " ".join(seen.lines))):
        names = " ".join(f"-q {name}" for name in found[1].split(",") if name)
        return f"several queues behind one -q. What follows a comma is a weight. Each queue has a -q of its own: {names}."
    return None


@LIMITS.add
def several_behind_one_q(seen):
    for line in seen.lines:
        if "unrecognized arguments" in seen.refused and (found := re.search(r"(?:-q|--queue)[ =](\w+) (\w+)", line)):
            return f"several queues behind one -q. Each has a -q of its own: -q {found[1]} -q {found[2]}."
    return None


@LIMITS.add
def refused_words(seen):
    if "unrecognized arguments: -" in seen.refused:
        return "options that minijobs worker does not know. run('minijobs worker --help') shows them all, in make try-10."
    return None


@LIMITS.add
def forgets_a_kind(seen):
    missing = [kind for kind in ("mail", "gif", "report") if seen.queues and kind not in seen.queues]
    if missing:
        return f"no queue for {' and '.join(missing)}. It would be pushed somewhere, and nobody knows where."
    return None


@LIMITS.add
def nobody_serves(seen):
    for kind, queue in seen.queues.items():
        if seen.plans and kind in ("mail", "gif", "report") and not seen.serving(kind):
            served = ", ".join(sorted({name for plan in seen.plans for name in plan.queues}))
            return (
                f"a queue that nobody serves: {queue}, for jobs of the kind {kind}. The processes serve {served}. Redis "
                "takes a job for any name, so nothing would fail. The jobs would wait."
            )
    return None


@LIMITS.add
def one_thread_each(seen):
    mails = seen.serving("mail")
    if len(seen.plans) > MOST_PROCESSES and len(mails) > 2 and all(plan.threads == 1 for plan in mails):
        return (
            f"a process for each mail that is sent at the same time: {len(mails)} of them, with one thread each. Mails "
            "wait, and threads of one process can wait side by side."
        )
    return None


@LIMITS.add
def counts_the_lines(seen):
    if len(seen.once) <= MOST_PROCESSES < len(seen.plans):
        return (
            f"counting the lines. With --processes, one line starts several: here {len(seen.once)} lines start "
            f"{len(seen.plans)} processes."
        )
    return None


@LIMITS.add
def processes_multiply_threads(seen):
    written = sum(plan.threads for plan in seen.once)
    if len(seen.plans) <= MOST_PROCESSES and written <= MOST_THREADS < seen.threads:
        return (
            f"{written} threads in the lines, and {seen.threads} in all. With --processes, each process has as many as "
            "-c says."
        )
    return None


@LIMITS.add
def leaves_out_c(seen):
    without = [line for line in seen.lines if not re.search(r"(^|\s)(-c|--concurrency)", line)]
    saved = 9 * sum(plan.threads for plan in plans(without)) / 10 if without and not seen.refused else 0
    if len(seen.plans) <= MOST_PROCESSES and saved and seen.threads > MOST_THREADS >= seen.threads - saved:
        return f"leaving out -c: {without[0]!r}. Without it, a process has ten threads, not one."
    return None


@LIMITS.add
def a_thread_for_every_report(seen):
    reports = [plan for plan in seen.serving("report") if not (plan in seen.serving("mail") or plan in seen.serving("gif"))]
    threads = sum(plan.threads for plan in reports)
    if too_many(seen) and len(seen.plans) <= MOST_PROCESSES and threads >= 20 and seen.threads - threads <= MOST_THREADS:
        return (
            f"{threads} threads for reports, so that all can begin at once. Each of them computes, so they would take "
            "turns. They may wait for 20 minutes."
        )
    return None


@REPORTS.add
@GIFS.add
@MAILS.add
def several_c_in_a_line(seen):
    for line in seen.lines:
        if len(numbers := re.findall(r"(?:^|\s)(?:-c|--concurrency)[ =]?(\d+)", line)) > 1:
            return (
                f"-c more than once in a line. It does not belong to the -q in front of it, but to the process, and the "
                f"last one counts: {line!r} has {numbers[-1]} in all."
            )
    return None


@MAILS.add
def as_handed_out(seen):
    one_queue = len(set(seen.queues.values())) == 1
    if seen.broken("mail") and one_queue and [plan.threads for plan in seen.plans] == [10]:
        return (
            "the exercise as it was handed out, or near it. One process with ten threads runs everything: at nine, all ten "
            "have reports, and mails wait until the last of those has begun."
        )
    return None


@MAILS.add
def slow_in_front(seen):
    same = seen.queues.get("mail") == seen.queues.get("report")
    if reports_are_in_the_way(seen, "mail") and same and len(seen.plans) > 1:
        return (
            "one queue for mails and reports. Without the reports, these processes would cope. At nine, 60 reports are in "
            "front of the mails, more than there are threads."
        )
    return None


@MAILS.add
def a_queue_is_no_thread(seen):
    both = seen.serving("mail", "report")
    if reports_are_in_the_way(seen, "mail") and seen.queues.get("mail") != seen.queues.get("report") and both:
        return (
            "thinking that a queue of its own keeps a thread free. Without the reports, these processes would cope. But "
            "they run both, and at nine all of their threads have a report. The order of the queues, or a weight, says what "
            "comes next, and not until a report has ended."
        )
    return None


@MAILS.add
def sized_for_the_average(seen):
    threads = seen.outlook.threads(seen.queues["mail"]) if seen.broken("mail") else 0
    if 0 < threads < 0.85 * BUSY_AT_NOON and not reports_are_in_the_way(seen, "mail") and seen.flat.kept("mail"):
        return (
            f"sizing for the average. If all hours were alike, {threads} threads would cope with the mails. At noon there "
            "are six times as many mails as on average."
        )
    return None


@MAILS.add
def no_reserve(seen):
    threads = seen.outlook.threads(seen.queues["mail"]) if seen.broken("mail") else 0
    if 0.85 * BUSY_AT_NOON <= threads <= 1.05 * BUSY_AT_NOON and not reports_are_in_the_way(seen, "mail"):
        return (
            "no reserve. At noon, 18.6 mails a second for half a second each keep 9.3 threads busy on average, and you "
            f"have {threads}. Threads that are always busy mean jobs that wait."
        )
    return None


@MAILS.add
def gifs_in_front(seen):
    if seen.broken("mail") and seen.serving("mail", "gif") and seen.without("gif").kept("mail"):
        return (
            "letting mails wait for GIFs. Without the GIFs, these processes would cope. The threads that run mails run GIFs "
            "as well."
        )
    return None


@MAILS.add
def mails_behind_the_rest(seen):
    """Neither the GIFs nor the reports alone are in the way: both are."""
    if not seen.broken("mail") or seen.without("report").kept("mail") or seen.without("gif").kept("mail"):
        return None
    if seen.serving("mail", "gif") and seen.serving("mail", "report") and seen.without("gif", "report").kept("mail"):
        one = " However many threads a process has, one of them computes at a time." if len(seen.plans) == 1 else ""
        return (
            "letting mails wait for jobs that compute. If there were only mails, these threads would cope. But they run "
            f"GIFs and reports as well, and a mail waits until one of those has ended.{one}"
        )
    return None


@GIFS.add
def threads_for_computing(seen):
    gifs = seen.serving("gif")
    if seen.broken("gif") and len(gifs) == 1 and gifs[0].threads > 1 and seen.together.kept("gif"):
        return (
            f"threads for jobs that compute. If {gifs[0].threads} threads could compute at the same time, they would cope. "
            "In one process, one thread computes at a time: in the evening that is 1.2 seconds of work in each second."
        )
    return None


@GIFS.add
def one_processor(seen):
    gifs = seen.serving("gif")
    if seen.broken("gif") and [plan.threads for plan in gifs] == [1] and not seen.without("mail", "report").kept("gif"):
        return (
            "one thread for the GIFs. In the evening 4 a second come, of 0.3 seconds each. That is 1.2 seconds of work in "
            "each second."
        )
    return None


@GIFS.add
def gifs_behind_reports(seen):
    if reports_are_in_the_way(seen, "gif") and seen.serving("gif", "report"):
        return (
            "letting GIFs wait for reports. Without the reports, these processes would cope. They run both, and at nine "
            "their threads have reports."
        )
    return None


@GIFS.add
def gifs_behind_mails(seen):
    if seen.broken("gif") and seen.serving("gif", "mail") and seen.without("mail").kept("gif"):
        return (
            "letting GIFs wait for mails. Without the mails, these processes would cope. The threads that run GIFs "
            "run mails as well."
        )
    return None


@REAL.add
def loads_a_file(seen):
    if seen.went_wrong.startswith("the processes did not start") and any(re.search("-r|--req", line) for line in seen.lines):
        return "a file to load. The check has Workers of its own, and loads them. A line needs no -r."
    return None
