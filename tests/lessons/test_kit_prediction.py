"""Predict first: a guess is kept, Redis answers."""

from __future__ import annotations

import builtins

import pytest

from lessons.kit import predict, prediction, session, stage

QUESTION = {"a": "In the queue.", "b": "Nowhere."}


def ask(**guess):
    return predict("Where is it?", **guess, **QUESTION)


@pytest.fixture(autouse=True)
def _nothing_observed_yet():
    prediction.forget()


@pytest.fixture
def typed(monkeypatch):
    """Somebody sits at the terminal, and types these lines; and what they were asked."""
    lines, asked = [], []

    def read(question=""):
        asked.append(question)
        if not lines:
            raise EOFError
        return lines.pop(0)

    monkeypatch.setattr(stage, "watched", True)
    monkeypatch.setattr(builtins, "input", read)
    return lines, asked


def test_the_question_and_its_choices_are_shown():
    assert ask().lines()[:3] == ["Where is it?", "  a  In the queue.", "  b  Nowhere."]


def test_without_a_guess_it_says_how_to_guess_and_that_going_on_is_fine():
    assert ask().lines()[-1] == 'No guess yet. Write guess="a" into the cell, or just go on.'


@pytest.mark.parametrize("guess", ["b", "B", " b "])
def test_a_guess_is_kept(guess):
    assert ask(guess=guess).lines()[-1] == "Your guess: b."


@pytest.mark.parametrize("guess", [None, "", " "])
def test_an_empty_guess_is_none(guess):
    assert ask(guess=guess).guess is None


def test_a_guess_that_is_none_of_the_choices_is_refused():
    with pytest.raises(ValueError, match=r"'c' is none of the choices: a, b\."):
        ask(guess="c")


def test_a_right_guess_is_told_so():
    assert ask(guess="a").answer("queue:default holds 1 job", a=True, b=False).lines() == [
        "The answer is a: In the queue.",
        "What you could see: queue:default holds 1 job.",
        "You guessed it.",
    ]


def test_a_wrong_guess_is_told_what_it_was_after_what_speaks_against_it():
    assert ask(guess="b").answer("queue:default holds 1 job", a=True, b=False).lines() == [
        "The answer is a: In the queue.",
        "What you could see: queue:default holds 1 job.",
        "You guessed b: Nowhere.",
    ]


def test_without_a_guess_the_answer_is_only_what_happened_and_what_one_could_see():
    assert str(ask().answer("no key", a=False, b=True)) == "The answer is b: Nowhere.\nWhat you could see: no key."


def test_an_answer_without_an_observation_in_words_is_refused():
    with pytest.raises(TypeError, match="seen"):
        ask().answer(a=True, b=False)


@pytest.mark.parametrize("observed", [{"a": True, "b": True}, {"a": False, "b": False}])
def test_exactly_one_choice_must_come_out_or_the_lesson_is_wrong(observed):
    with pytest.raises(AssertionError, match="Exactly one choice must come out"):
        ask().answer("something", **observed)


@pytest.mark.parametrize("observed", [{"a": True}, {"a": True, "b": False, "c": False}, {}])
def test_every_choice_must_be_looked_at(observed):
    with pytest.raises(ValueError, match=r"Say of each choice whether it is so: a, b\."):
        ask().answer("something", **observed)


def test_nobody_is_asked_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("somebody was asked"))
    assert ask().guess is None


def test_in_a_terminal_the_guess_is_asked_for(typed, capsys):
    typed[0].append("B")
    assert ask().guess == "b"
    assert capsys.readouterr().out == "Where is it?\n  a  In the queue.\n  b  Nowhere.\n"
    assert typed[1] == ["── Your guess: a, b · Enter: none · p: a Python prompt · q: stop ── "]


def test_in_a_terminal_the_question_is_not_shown_twice(typed):
    typed[0].append("b")
    assert str(ask()) == "Your guess is b. Now let it happen."
    typed[0].append("")
    assert str(ask()) == "No guess. Let it happen."


def test_in_a_terminal_what_is_no_choice_is_asked_again(typed, capsys):
    typed[0].extend(["z", "perhaps a", "a"])
    assert ask().guess == "a"
    assert len(typed[1]) == 3
    assert "z is none of the choices." in capsys.readouterr().out


def test_in_a_terminal_enter_goes_on_without_a_guess(typed):
    typed[0].append("")
    assert ask().guess is None


@pytest.mark.parametrize("words", [[], ["q"], ["Quit"], ["z", "q"]])
def test_q_or_the_end_of_the_input_stops_the_lesson(typed, words):
    typed[0].extend(words)
    with pytest.raises(stage.Stop):
        ask()


def test_p_leads_to_a_prompt_and_back_to_the_question(typed, monkeypatch):
    looked = []
    monkeypatch.setattr(stage, "look", lambda: looked.append("here"))
    typed[0].extend(["p", "P", "b"])
    assert ask().guess == "b"
    assert looked == ["here", "here"]


def test_in_a_terminal_a_guess_in_the_code_is_taken(typed):
    assert ask(guess="a").guess == "a"
    assert typed[1] == []


def test_the_first_observation_counts_until_the_lesson_starts_anew(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert ask(guess="a").answer("there is 1 job", a=True, b=False).right == "a"
    again = ask(guess="b").answer("there is no job", a=False, b=True)  # the cells were run again, and the job is done
    assert (again.right, again.seen, again.lines()[-1]) == ("a", "there is 1 job", "You guessed b: Nowhere.")
    assert ask().answer("something odd", a=False, b=False).right == "a"
    session.start()
    session.end()
    assert ask().answer("there is no job", a=False, b=True).right == "b"
