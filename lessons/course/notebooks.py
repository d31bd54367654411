"""Building the notebooks, and telling whether a stored one still says what a fresh run says."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from lessons.kit import stage

from .catalogue import NOTEBOOKS, Cell, Lesson
from .console import typed_here

# For a kind of web address that no notebook has, what nbformat imports would build a grammar, which takes two seconds.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
import nbformat  # noqa: E402

del sys.modules["rfc3987_syntax"]

# In a working copy's metadata: what its cells were when it was handed out.
HANDED_OUT = "handed_out"

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def unexecuted(lesson: Lesson) -> Any:
    """The notebook of a lesson as its script has it: cells with fixed ids, and no outputs.

    The code that asks a question and that compares the guess with what was observed is folded away: the question stands in
    its output, and the comparing code would give the answer away. JupyterLab still shows its first line.
    """
    cells = [_cell(cell, lesson.id_of_cell(number)) for number, cell in enumerate(lesson.in_notebook(), start=1)]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def _cell(cell: Cell, cell_id: str) -> Any:
    metadata: dict[str, Any] = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.kind == "markdown":
        return nbformat.v4.new_markdown_cell(cell.source, id=cell_id, metadata=metadata)
    source = cell.source
    if "hide-input" in cell.tags:
        metadata["jupyter"] = {"source_hidden": True}
        source = f"# {'The answer' if '.answer(' in source else 'A question'}\n{source}"
    return nbformat.v4.new_code_cell(source, id=cell_id, metadata=metadata)


def executed(lesson: Lesson, *, pace: float = 1) -> Any:
    """The notebook, run in a kernel of its own. `pace` is the fraction of every pause that is really waited."""
    from nbclient import NotebookClient

    notebook = unexecuted(lesson)
    NOTEBOOKS.mkdir(exist_ok=True)  # a kernel runs where its notebook lies
    with _environment(pace):
        quiet = ["--log-level=ERROR"]  # the kernel warns of its own transport, which stays on this machine
        place = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=120, resources=place, extra_arguments=quiet).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":
            cell.outputs = [_of_any_machine(output) for output in _joined(cell.outputs)]
    notebook.metadata = unexecuted(lesson).metadata  # the version of this Python is nobody's news
    return notebook


def write(lesson: Lesson) -> None:
    """Build, run and store one notebook."""
    notebook = executed(lesson)
    nbformat.validate(notebook)
    nbformat.write(notebook, lesson.notebook)


def write_working_copy(lesson: Lesson) -> None:
    """Write the learner's own notebook."""
    notebook = working_copy(lesson)
    nbformat.validate(notebook)
    nbformat.write(notebook, lesson.working_copy)


def working_copy(lesson: Lesson) -> Any:
    """The learner's own notebook as it is handed out: no outputs, so that nothing is answered before it was asked.

    Its links lead to the other notebooks of the learner's own.
    """
    notebook = unexecuted(lesson)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = typed_here(re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.mine.ipynb)", cell.source))
    notebook.metadata[HANDED_OUT] = _fingerprint(notebook)
    return notebook


def was_used(lesson: Lesson) -> bool:
    """Whether the learner has run or changed anything in their notebook."""
    try:
        notebook = nbformat.read(lesson.working_copy, as_version=4)
    except (OSError, ValueError):
        return lesson.working_copy.exists()
    ran = any(cell.get("outputs") for cell in notebook.cells)
    return ran or notebook.metadata.get(HANDED_OUT) != _fingerprint(notebook)


def is_out_of_date(lesson: Lesson) -> bool:
    """Whether the lesson has changed since the learner's notebook was handed out."""
    try:
        handed_out = nbformat.read(lesson.working_copy, as_version=4).metadata.get(HANDED_OUT)
    except ValueError:  # damaged: JupyterLab will say so
        return False
    return handed_out != working_copy(lesson).metadata[HANDED_OUT]


def _fingerprint(notebook: Any) -> str:
    sources = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def stored(lesson: Lesson) -> Any:
    """The notebook as it lies in the repository."""
    return nbformat.read(lesson.notebook, as_version=4)


def cells(notebook: Any) -> list[tuple[Any, ...]]:
    """What must be the same in the script and in the notebook."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in notebook.cells]


def outputs(notebook: Any) -> list[str]:
    """What each code cell printed and showed, as text with everything replaced that differs from run to run."""
    normal = Normaliser()
    return [normal("\n".join(_texts(cell.outputs))) for cell in notebook.cells if cell.cell_type == "code"]


class Normaliser:
    """Replaces what cannot be the same twice, by named rules, and nothing else.

    Ids are numbered in the order in which they appear, so that one that should be the same, or another, still is.

    >>> normal = Normaliser()
    >>> normal("593f66432baeb76a116b7cac then 46e7b8d9fe38288c07741916 then 593f66432baeb76a116b7cac")
    'JID-1 then JID-2 then JID-1'
    """

    RULES = (
        ("PICTURE", r"(?<=data:image/svg\+xml;base64,)[\w+/=]+"),  # first: it is long, and holds nothing else
        ("PLOT", r"┤[^├]*├"),  # the inside of a picture in letters
        # Which choice came out, where that was measured: on a machine that is busy with something else, it may be another.
        ("ANSWER", r"The answer is \w: (?:(?!The answer)[\s\S]){1,200}?\sWhat you could see: (?=≈)"),
        ("MEASURED", r"≈ \d+(,\d{3})*(\.\d+)?"),
        ("CHANCE", r"\s*~ (rss|rtt_us): \d+"),  # two measurements: whether the second differs from the first is chance
        ("LOG", r"\d{4}-\d\d-\d\dT[\d:.]+Z \d+ TID-\w+"),
        ("PROCESS", r"(?<![\w.-])[\w.-]+:\d+:[0-9a-f]{12}\b"),
        ("JID", r"\b[0-9a-f]{24}\b"),
        ("SCRIPT", r"\b[0-9a-f]{40}\b"),
        ("TID", r"(?<=\+ )\w{8,14}(?=:)|(?<=:work )\w{8,14}"),
        ("TIME", r"\b1[789]\d{8}(\.\d+)?\b"),
        (
            "STRETCH",
            r"\b\d+ (s|minutes|hours|days) (from now|ago)|(?<=\()now(?=\))|(?<= of \d )now\b|(?<= of \d  )now\b"
            r"|(?<= of \d\d  )now\b"
            r"|\bin \d+ (s|sec|minutes|hours|days)\b",
        ),
        ("SECONDS", r"\b\d+\.\d+ s(ec)?\b"),
        ("DAY", r"\b20\d\d-\d\d-\d\d\b"),
        ("HOST", r"(?<=hostname: \")[^\"]+|(?<=hostname: &quot;)[^&]+"),
        ("NUMBER", r"(?<=pid: )\d+|(?<=rss: )\d+|(?<=rtt_us: )\d+"),
        ("PORT", r"(?<=127\.0\.0\.1:)\d+"),
        ("BAR", r"·*[▁-█●][·▁-█●]*"),
        ("PORT", r"(?<=localhost:)\d+"),
        ("GAP", r" {2,}"),
    )
    NUMBERED = frozenset({"PROCESS", "JID"})
    WITHOUT_NAME: ClassVar[dict[str, str]] = {"CHANCE": "", "GAP": " "}

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        for name, pattern in self.RULES:
            text = re.sub(pattern, lambda found, name=name: self._name(name, found[0]), text)
        return text

    def _name(self, rule: str, value: str) -> str:
        if rule in self.WITHOUT_NAME:
            return self.WITHOUT_NAME[rule]
        if rule not in self.NUMBERED:
            return rule
        count = sum(known.startswith(f"{rule}-") for known in self._seen.values())
        return self._seen.setdefault(value, f"{rule}-{count + 1}")


def _joined(outputs: list[Any]) -> list[Any]:
    """The same outputs; what was printed in several portions, as chance has it, is in one piece."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _of_any_machine(output: Any) -> Any:
    """The same output; of an error, only the frames in cells, since the others name files of the machine that built this."""
    if output.output_type == "error":
        output.traceback = [frame for frame in output.traceback if not re.match(r"(\x1b\[[\d;]*m)*File ", frame)]
    return output


def _texts(outputs: list[Any]) -> Iterator[str]:
    for output in outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield f"{output.ename}: {output.evalue}"
        else:
            for kind, content in sorted(output.data.items()):
                yield f"{kind}\n{content}"


@contextmanager
def _environment(pace: float) -> Iterator[None]:
    """What a kernel started meanwhile sees: no real Redis, a given pace."""
    before = dict(os.environ)
    os.environ.pop("REDIS_URL", None)
    os.environ[stage.PACE] = str(pace)
    os.environ[stage.STORED] = "yes"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
