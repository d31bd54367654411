"""Predict first: a question about a state of Redis, asked before anything runs, answered by what Redis then says."""

from __future__ import annotations

from html import escape
from typing import Any

from . import stage
from .show import Shown

# What was observed first, by the question: the letter, and the observation in words.
_first: dict[str, tuple[str, str]] = {}

# What was guessed with the buttons of a notebook, by the question: its cell may be run again.
_guessed: dict[str, str | None] = {}

# The questions that were asked, by their words: a page says which one a button belongs to.
_asked: dict[str, Prediction] = {}

# What a page makes its buttons from: a question, its choices, a guess.
QUESTION = "application/x-minijobs-question+json"


def forget() -> None:
    """A lesson starts anew, and all its questions are open again."""
    _first.clear()
    _guessed.clear()


class Prediction(Shown):
    """A question with its choices, and perhaps a guess. No guess is fine."""

    def __init__(self, question: str, choices: dict[str, str], guess: str | None) -> None:
        self.question = question
        self.choices = choices
        self.guess = guess
        self.shown = False  # whether the reader has seen the question

    def lines(self) -> list[str]:
        if stage.watched:  # the question stands just above, with what was typed
            return [f"Your guess is {self.guess}. Now let it happen." if self.guess else "No guess. Let it happen."]
        if stage.stored():  # it is read where nobody can guess
            return self.asked()
        return [
            *self.asked(),
            f"Your guess: {self.guess}." if self.guess else 'No guess yet. Write guess="a" into the cell, or just go on.',
        ]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if stage.on_page():
            asked = {"question": self.question, "choices": self.choices, "guess": self.guess}
            return {QUESTION: asked, "text/plain": "\n".join(self.asked())}
        buttons = self.buttons() if stage.with_buttons() else None
        return {} if buttons is None else dict(buttons._repr_mimebundle_()) | {"text/plain": str(self)}

    def buttons(self) -> Any:
        """The question with a button for each choice, as a notebook shows it; None without ipywidgets."""
        try:
            from ipywidgets import HTML, RadioButtons, VBox
        except ImportError:
            return None
        options = [(f"{letter})  {text}", letter) for letter, text in self.choices.items()]
        choice = RadioButtons(options=options, value=self.guess, layout={"width": "max-content"})
        below = HTML(self._kept())

        def guess(change: dict[str, Any]) -> None:
            guessed(self.question, change["new"])
            below.value = self._kept()

        choice.observe(guess, "value")
        return VBox([HTML(f"<b>{escape(self.question)}</b>"), choice, below])

    def _kept(self) -> str:
        return f"Your guess is {self.guess}. Go on." if self.guess else "Choose one, or just go on."

    def asked(self) -> list[str]:
        """The question, and its choices."""
        return [self.question, *(f"  {letter}  {text}" for letter, text in self.choices.items())]

    def answer(self, seen: str, **observed: bool) -> Answer:
        """Compare the guess with what was observed: for each choice, whether it is so. Exactly one must be.

        `seen` is the observation in words, which speaks against the other choices. The first observation counts until a
        lesson starts anew: a notebook's cells may be run again, when Redis no longer holds what it held.
        """
        if set(observed) != set(self.choices):
            raise ValueError(f"Say of each choice whether it is so: {', '.join(self.choices)}.")
        if self.question in _first:
            return Answer(self, *_first[self.question])
        so = [letter for letter, holds in observed.items() if holds]
        if len(so) != 1 and stage.with_buttons():
            return Answer(self, "", "")
        if len(so) != 1:
            raise AssertionError(f"Exactly one choice must come out, and {len(so)} did: {observed}")
        _first[self.question] = so[0], seen
        return Answer(self, so[0], seen)


UNDECIDED = (
    "What can be seen now fits none of the choices, or several: a cell above has run twice, or not at all. "
    "To begin again, run the cell with start(), and those after it."
)


class Answer(Shown):
    """What Redis said, beside what was guessed; `right` is empty if nothing could be told."""

    def __init__(self, prediction: Prediction, right: str, seen: str) -> None:
        self.prediction = prediction
        self.right = right
        self.seen = seen

    def lines(self) -> list[str]:
        choices, guess = self.prediction.choices, self.prediction.guess
        if not self.right:
            return [UNDECIDED]
        lines = [f"The answer is {self.right}: {choices[self.right]}", f"What you could see: {self.seen}."]
        if stage.watched and not self.prediction.shown:  # it was asked in a step that ran unseen
            lines = [*self.prediction.asked(), *lines]
        if guess == self.right:
            lines.append("You guessed it.")
        elif guess:
            lines.append(f"You guessed {guess}: {choices[guess]}")
        return lines


def predict(question: str, *, guess: str | None = None, **choices: str) -> Prediction:
    """Ask. Where somebody sits at a terminal, their letter is read; a notebook shows buttons, and does not wait.

    `guess` is a guess without either.

    >>> where = predict("Where is it?", a="In the queue.", b="Nowhere.", guess="b")
    >>> where.answer("queue:default holds 1 job", a=True, b=False)
    The answer is a: In the queue.
    What you could see: queue:default holds 1 job.
    You guessed b: Nowhere.
    """
    guess = (guess or "").strip().lower() or None
    if guess is not None and guess not in choices:
        raise ValueError(f"{guess!r} is none of the choices: {', '.join(choices)}.")
    prediction = _asked[question] = Prediction(question, choices, guess or _guessed.get(question))
    if guess is None and stage.watched:
        prediction.guess = _ask(prediction)
    return prediction


def guessed(question: str, letter: str | None) -> None:
    """A button was pressed; on a page, perhaps before the question was asked."""
    _guessed[question] = letter
    if question in _asked:
        _asked[question].guess = letter


def _ask(prediction: Prediction) -> str | None:
    prediction.shown = True
    print("\n".join(prediction.asked()))
    keys = f"{', '.join(prediction.choices)} · Enter: none · p: a Python prompt · q: stop"
    while True:
        try:
            typed = stage.ask(f"── Your guess: {keys} ── ").lower()
        except EOFError:
            raise stage.Stop from None
        if typed in ("q", "quit"):
            raise stage.Stop
        if typed == "p" and stage.look is not None:
            stage.look()
        elif not typed or typed in prediction.choices:
            return typed or None
        else:
            print(f"{typed} is none of the choices.")
