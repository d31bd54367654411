"""What `python -m lessons …` and `make` can do: one function a verb."""

from __future__ import annotations

import ast
import errno
import importlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import minijobs
from lessons import kit
from lessons.kit import session, stage
from lessons.kit.others import PACKAGES

from . import catalogue, console, player, progress
from .catalogue import Lesson, NoSuchLesson, lessons
from .console import code, how, prompt, prose, say


def run(function: Callable[..., int | None], **arguments: object) -> int:
    """Call one of the functions below. What goes wrong is said in one sentence, without a traceback."""
    if hasattr(signal, "SIGHUP"):  # the terminal is closed: a lesson cleans up after itself then, too
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    try:
        return function(**arguments) or 0
    except TROUBLE as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not error.filename:
            raise
        print(f"{error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130


class MissingPart(Exception):
    """Something is not installed. The message says how it gets there."""


class CannotLoad(Exception):
    """An exercise is not Python, or fails as soon as it is loaded. The message says how."""


# What lessons need beside what all need, with the part that brings it: lesson 5 runs pytest, and lesson 9 serves pages.
NEEDED: dict[int, list[tuple[str, str]]] = {
    5: [("pytest", "check")],
    9: [("flask", "app"), ("PIL", "app"), ("pytest", "check")],
}

TROUBLE = (NoSuchLesson, player.NoSuchStep, player.LessonBroke, MissingPart, CannotLoad)


def list_all() -> None:
    """What lessons there are."""
    for one in lessons():
        heading = one.heading()
        say(f"{one.number}  {heading.title}: {heading.question} ({heading.minutes} minutes)")


def play(number: int, start: int = 1) -> None:
    """Play a lesson here."""
    one = catalogue.lesson(number)
    _needs_all(one)
    player.play(one, start)


def check(number: int) -> int:
    """Check your exercise."""
    _needs("pytest", "check")
    _needs("hypothesis", "check")
    _needs_all(catalogue.lesson(number))
    from . import checking

    again = console.page is not None  # in a notebook, its cell is run again; nothing watches the file there
    return 0 if checking.check(catalogue.lesson(number), watching=again) else 1


def watch(number: int) -> None:
    """Check your exercise again whenever you save it."""
    _needs("pytest", "check")
    _needs("hypothesis", "check")
    _needs_all(catalogue.lesson(number))
    from . import checking

    checking.watch(catalogue.lesson(number))


def hint(number: int) -> None:
    """One more hint."""
    one = catalogue.lesson(number)
    before = progress.of(one)
    # Of an exercise that has several parts, the first that the last check found open.
    about = str(before.get("about") or next(iter(one.parts), ""))
    hints = one.hints(about)
    counts = before.get("hints") or {}
    counts = counts if isinstance(counts, dict) else {about: counts}
    shown = min(int(counts.get(about, 0)) + 1, len(hints))
    progress.note(one, hints={**counts, about: shown} if about else shown)
    for n, text in enumerate(hints[:shown], start=1):
        prose(f"**Hint {n} of {len(hints)}{f' for {about.lower()}' if about else ''}.** {text}")
        say("")
    if shown == len(hints):
        say(f"That was the last hint. To see the solution without solving it first: {how('solution', one.number, FORCE=1)}")


def solution(number: int, force: bool = False) -> int:
    """A solution, with its explanation, once your exercise passes."""
    one = catalogue.lesson(number)
    if not (force or progress.of(one).get("solved")):
        say("The solution is shown once your exercise has passed its check.")
        say(f"A hint costs less: {how('hint', number)}")
        say(f"To see it anyway: {how('solution', number, FORCE=1)}")
        return 1
    source = one.solution.read_text(encoding="utf-8")
    if one.is_an_application:
        prose(source)
        return 0
    explanation = ast.get_docstring(ast.parse(source)) or ""
    prose(explanation)
    say("")
    code(source[source.index('"""', 3) + 3 :].strip())
    return 0


def reset(number: int, force: bool = False) -> int:
    """Start the exercise and your notebook over: what you wrote is kept beside them."""
    one = catalogue.lesson(number)
    answered = one.exercise.exists() and not catalogue.same(one.exercise, one.stub)
    written = [path for path, there in ((one.exercise, answered), (one.working_copy, _was_used(one))) if there]
    if one.exercise.exists() and not written:
        say("Your exercise is as it was handed out. There is nothing to reset.")
        return 0
    names = " and ".join(progress.relative(path) for path in written)
    if written and not force and not _yes(f"Start {names} over? What you wrote is kept beside it. [y/N] "):
        say("Nothing was changed.")
        return 0
    if one.working_copy.exists() and one.working_copy not in written:
        one.working_copy.unlink()  # as it was handed out: make notebook-N writes it again
    for path in written:
        kept = _free_name(path)
        os.replace(path, kept)
        say(f"Your {'answer' if path == one.exercise else 'notebook'} is now in {progress.relative(kept)}.")
    for name, path in catalogue.files(one.stub).items():
        to = one.exercise / name if one.is_an_application else one.exercise
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
    progress.note(one, passed=False, hints=0)
    say(f"{progress.relative(one.exercise)} is as it was handed out.")
    return 0


def try_out(number: int) -> None:
    """A Python prompt with your exercise loaded, an empty Redis and an inbox: see for yourself."""
    one = catalogue.lesson(number)
    _needs_all(one)
    stage.watched = sys.stdin.isatty()
    if one.is_an_application:
        (tools,) = _tools(one)
        with tools.running() as names:
            prompt(f"{tools.TO_LOOK} Ctrl-D ends all of it.", names)
        return
    redis = kit.start(server=one.starts_processes)
    inbox = kit.catch_mail()
    try:
        module = _load(one)
        processor = minijobs.Processor(minijobs.Fetcher())
        packages = [minijobs, kit, *_tools(one)]
        tools = {name: getattr(package, name) for package in packages for name in package.__all__}
        here = {"redis": redis, "inbox": inbox, "processor": processor, "work": processor.process_one, "time": time}
        own = "".join(f"{package.TO_LOOK} " for package in _tools(one))
        due = "To move jobs that are due to their queues: poll(now=…). " if number >= DUE_IS_KNOWN else ""
        banner = (
            f"Your exercise {progress.relative(one.exercise)} is loaded. To look: keys(), commands(), inbox. "
            f"To run the next job: work(). {due}{own}Ctrl-D ends this."
        )
        prompt(banner, {**tools, **here, **vars(module)})
    finally:
        inbox.stop()
        session.end()


def show_progress() -> None:
    """What is done, and what is next."""
    say(progress.report())


def notebook(number: int) -> int:
    """Open a lesson in JupyterLab: your own copy of it, without outputs."""
    _needs("jupyterlab", "notebooks")
    from . import notebooks

    one = catalogue.lesson(number)
    for other in lessons():  # all of them, since they lead to each other
        if not notebooks.was_used(other):
            notebooks.write_working_copy(other)
    if notebooks.is_out_of_date(one):
        say(f"Your notebook of lesson {number} is older than the lesson itself. For a new one: {how('reset', number)}")
    tools = str(Path(sys.executable).parent)  # so that its terminals find python, pytest and minijobs
    path = os.pathsep.join([tools, os.environ.get("PATH", "")])
    kernels = str(Path(__file__).with_name("startup.py"))
    environment = {**os.environ, "PATH": path, "PYTHONSTARTUP": kernels}
    # Where no browser opens by itself, the address that is printed leads to the lesson, too.
    address = f"/lab/tree/{one.working_copy.relative_to(catalogue.LESSONS.parent).as_posix()}"
    code = subprocess.call([*JUPYTERLAB, f"--LabApp.default_url={address}", str(one.working_copy)], env=environment)
    if code and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("JupyterLab refuses to run as root. Run it as another user; or, in a container of your own, allow it:")
        print(ALLOW_ROOT)  # in one line, however narrow the terminal is: it will be copied
    return code


# The lesson that explains what a job for later is, and who moves it.
DUE_IS_KNOWN = 3

# Its root is this project, so that every link in a lesson leads somewhere; and it asks nothing at its first start.
JUPYTERLAB = [
    *(sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={catalogue.LESSONS.parent}"),
    *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
    "--log-level=WARN",  # the address is shown, and what goes wrong
]
ALLOW_ROOT = """mkdir -p ~/.jupyter && echo '{"ServerApp": {"allow_root": true}}' > ~/.jupyter/jupyter_server_config.json"""


def build() -> None:
    """Rebuild all notebooks from the lessons, run them, and store the outputs."""
    _needs("nbclient", "notebooks")
    from . import notebooks

    for one in lessons():
        say(f"{progress.relative(one.notebook)} …")
        notebooks.write(one)


def others() -> int:
    """Make the environments of Celery and Django, in which lesson 10 runs a job, unless they are there."""
    made = [kit.elsewhere(name) for name in PACKAGES]
    for one in made:
        say(f"{one.name}: {one!r}")
    return int(any(one.why for one in made))


VERBS: dict[str, tuple[Callable[..., int | None], str]] = {
    verb: (function, function.__doc__ or "")
    for verb, function in {
        "list": list_all,
        "play": play,
        "check": check,
        "watch": watch,
        "hint": hint,
        "solution": solution,
        "try": try_out,
        "reset": reset,
        "progress": show_progress,
        "notebook": notebook,
        "others": others,
        "build": build,
    }.items()
}
WITHOUT_LESSON = {"list", "progress", "others", "build"}
INSISTING = {"solution": "show it even if your exercise does not pass", "reset": "do not ask"}


def _was_used(one: Lesson) -> bool:
    if not one.working_copy.exists():
        return False
    if importlib.util.find_spec("nbformat") is None:  # it cannot be read here, so it is kept
        return True
    from . import notebooks

    return notebooks.was_used(one)


def _needs(module: str, part: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise MissingPart(f"This needs {module}: python -m lessons.install {part}")


def _needs_all(one: Lesson) -> None:
    for module, part in NEEDED.get(one.number, []):
        _needs(module, part)


def _tools(one: Lesson) -> list[ModuleType]:
    """What a lesson has beside the tools of all lessons, for `try`: its `tools.py`, if there is one."""
    there = one.folder.joinpath("tools.py").exists()
    return [importlib.import_module(f"lessons.{one.folder.name}.tools")] if there else []


def _load(one: Lesson) -> ModuleType:
    file = progress.relative(one.exercise)
    if why := catalogue.unreadable(one.exercise):
        raise CannotLoad(f"{why} To start over: {how('reset', one.number)}")
    try:
        return catalogue.load(one.exercise)
    except (Exception, SystemExit) as error:
        where = f"To see where: {how('check', one.number)}"
        raise CannotLoad(f"{file} cannot be loaded: {type(error).__name__}: {error}. {where}") from error


def _yes(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}.kept-{n}{path.suffix}") for n in itertools.count(1))
    return next(name for name in names if not name.exists())
