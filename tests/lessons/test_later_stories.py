"""The check of lesson 7: it makes up afternoons, and tells the shortest one that goes wrong."""

from __future__ import annotations

import pytest

from lessons.course import catalogue, checking

LATER = catalogue.lesson(7)

HEAD = "from lessons.kit import delete_event, find_event, remind, save_event\nfrom minijobs import Worker\n\n"

# Right but for one thing: it counts the changes of an event, and has only three numbers to count with.
FORGETS = """
class ReminderWorker(Worker):
    def perform(self, name, number):
        event = find_event(name)
        if event and event["number"] == number:
            remind(name)

def change(name, at):
    count = (find_event(f"changes of {name}") or {"count": 0})["count"] + 1
    save_event(f"changes of {name}", count=count)
    save_event(name, at=at, number=count % 3)
    ReminderWorker.perform_at(at, name, count % 3)

create = move = change

def cancel(name):
    delete_event(name)
"""


def told(reason):
    """The parts of a rejection, by their names."""
    return {label: text.strip() for label, _, text in (line.partition(":") for line in reason.splitlines())}


def test_the_shortest_story_is_told_with_its_moments():
    said = told(checking.examine(LATER, LATER.stub).reason)
    assert said["Expected"] == "a mail about 'tea' at 15:30, and none before."
    assert said["Instead"] == (
        "At 14:00, you created 'tea' for 14:30. You moved 'tea' to 15:30. At 14:30, a mail about 'tea' went out."
    )


def test_a_mistake_that_nobody_thought_of_is_found_by_made_up_afternoons_and_the_same_each_time(tmp_path):
    answer = tmp_path / "forgets.py"
    answer.write_text(HEAD + FORGETS)
    first, second = (checking.examine(LATER, answer) for _ in range(2))
    said = told(first.reason)
    assert first.reason == second.reason
    assert first.holding == {}
    assert said["Instead"].count("ou moved") == 3  # fewer will not do
    assert said["Instead"].endswith("went out, again.")
    assert said["Seen"].startswith("run ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def create(name, at):\n    return name / at\n", ["Python said", "line 5 of"]),
        ("class ReminderWorker(Worker):\n    def perform(self, name):\n        ReminderWorker.perform_async(name)\n\n"
         "def create(name, at):\n    ReminderWorker.perform_at(at, name)\n", ["There were", "no end of them"]),
    ],
    ids=["raises", "pushes itself for ever"],
)  # fmt: skip
def test_a_broken_answer_is_told_what_is_wrong(tmp_path, source, words):
    answer = tmp_path / "broken.py"
    answer.write_text(HEAD + source)
    result = checking.examine(LATER, answer)
    assert not result.passed
    for word in words:
        assert word.lower() in result.reason.lower()
    assert "Traceback" not in result.reason
