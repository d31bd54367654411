"""The check of lesson 8: it kills the shop after each step, and tells between which two lines it died."""

from __future__ import annotations

import pytest

from lessons.course import catalogue, checking

CRASH = catalogue.lesson(8)


def told(reason):
    """The parts of a rejection, by their names."""
    return {label: text.strip() for label, _, text in (line.partition(":") for line in reason.splitlines())}


def line_of(answer, words):
    """The number of the line in which this stands first."""
    return next(number for number, line in enumerate(answer.splitlines(), start=1) if words in line)


def changed(tmp_path, *changes, of=CRASH.solution):
    """An answer, of itself the solution, with these changes."""
    answer = of.read_text()
    for before, after in changes:
        assert before in answer
        answer = answer.replace(before, after)
    file = tmp_path / "answer.py"
    file.write_text(answer)
    return file, answer


def test_an_answer_that_is_right_only_if_nothing_dies_between_two_lines_is_told_which_two():
    source = CRASH.mistakes[[one.stem for one in CRASH.mistakes].index("pays_then_notes")]
    said = told(checking.examine(CRASH, source).reason)
    pays, notes = line_of(source.read_text(), "take_payment(email"), line_of(source.read_text(), "db.commit()")
    assert said["Instead"] == (
        f"the job was killed after line {pays} (the payment was taken), and before line {notes} (the commit). Then the job "
        "was run again, a day later and on another machine. In the end, 2 payments were taken from ada@example.com, for 1 "
        "order."
    )


def test_a_key_of_the_machine_is_another_one_when_the_job_runs_elsewhere(tmp_path):
    file, _ = changed(
        tmp_path,
        ("from minijobs", "import socket\nfrom minijobs"),
        ('key=f"order {order}"', 'key=f"{socket.gethostname()} {order}"'),
    )
    assert set(checking.examine(CRASH, file).holding) == {"new_key_each_time"}


OUTBOX = CRASH.folder / "answers" / "outbox.py"


@pytest.mark.parametrize(
    ("key", "of", "row"),
    [
        ("self.jid", OUTBOX, "key_of_the_job"),  # two jobs that sweep has pushed
        ("__import__('uuid').uuid4()", OUTBOX, "new_key_each_time"),
        ("__import__('uuid').uuid4()", CRASH.solution, "new_key_each_time"),  # wrong also where nobody dies
        ("hash(('order', order))", CRASH.solution, "new_key_each_time"),  # of a text, it differs from process to process
    ],
)
def test_a_key_that_is_another_one_in_another_run_or_job_is_named_wherever_it_shows_first(tmp_path, key, of, row):
    file, _ = changed(tmp_path, ('key=f"order {order}"', f"key={key}"), of=of)
    result = checking.examine(CRASH, file)
    assert result.holding.keys() == {row}
    assert told(result.reason)["Looks like"] == result.holding[row]


def test_a_hash_of_a_number_is_the_same_everywhere(tmp_path):
    file, _ = changed(tmp_path, ('key=f"order {order}"', "key=hash(order)"))
    assert checking.examine(CRASH, file).passed


def test_a_sweep_that_notes_what_it_is_about_to_push_is_killed_in_between(tmp_path):
    file, answer = changed(
        tmp_path,
        ("import Worker\n", "import Worker, connection\n"),
        (
            "        PaymentWorker.perform_async(order, email, cents)\n",
            '        if connection.current().set(f"swept:{order}", 1, nx=True):\n'
            "            PaymentWorker.perform_async(order, email, cents)\n",
        ),
    )
    said = told(checking.examine(CRASH, file).reason)
    noted = line_of(answer, "swept:")
    assert said["Instead"].startswith(
        f"sweep was killed after line {noted} (SET to Redis), and before line {noted + 1} (the push"
    )
    assert "Before that, buy had been killed after its commit. Then sweep was called again" in said["Instead"]


def test_a_script_of_sqlite_commits_before_it_begins(tmp_path):
    script = 'db.executescript(f"INSERT INTO outbox (number) VALUES ({order})")'
    file, _ = changed(tmp_path, ('db.execute("INSERT INTO outbox (number) VALUES (?)", [order])', script), of=OUTBOX)
    assert checking.examine(CRASH, file).holding.keys() == {"two_transactions"}


def test_an_order_that_is_missing_because_buy_raised_is_said_to_be(tmp_path):
    file, _ = changed(
        tmp_path,
        ('        take_payment(email, cents, key=f"order {order}")\n', ""),
        (
            "    db.commit()\n    PaymentWorker",
            '    take_payment(email, cents, key=f"order {order}")\n    db.commit()\n    PaymentWorker',
        ),
    )
    assert (
        "there should be 1 order by grace@example.com, not 0, because buy raised ValueError: The key 'order 1' belongs to "
        "another payment: 500 cents from ada@example.com; 1 payment was taken"
    ) in told(checking.examine(CRASH, file).reason)["Instead"]


def test_a_commit_at_the_end_of_a_with_is_said_to_be_there():
    source = CRASH.folder / "mistakes" / "transaction_around_it.py"
    pays, begins = (line_of(source.read_text(), words) for words in ("take_payment(email", "with db"))
    assert (
        f"the job was killed after line {pays} (the payment was taken), and before line {begins} (the commit at the end of "
        "the `with`)."
    ) in told(checking.examine(CRASH, source).reason)["Instead"]


def test_a_note_in_a_file_is_no_better_than_any_other(tmp_path):
    file, answer = changed(
        tmp_path,
        ("from minijobs", "from lessons.kit.session import folder\nfrom minijobs"),
        (
            '        take_payment(email, cents, key=f"order {order}")\n',
            "        note = folder() / f'payment of {order}'\n"
            "        if not note.exists():\n"
            "            note.write_text('taken')\n"
            "            take_payment(email, cents)\n",
        ),
    )
    result = checking.examine(CRASH, file)
    note = line_of(answer, "note.write_text")
    assert f"killed after line {note} (a file was opened), and before line {note + 1}." in told(result.reason)["Instead"]
    assert result.holding == {}


def test_a_job_that_comes_to_no_end_when_it_runs_again_is_told_where(tmp_path):
    file, answer = changed(
        tmp_path,
        (
            '        db = database()\n        db.execute("UPDATE',
            "        from minijobs.connection import current\n"
            "        while self.jid.encode() in current().lrange('seen', 0, -1):\n"
            "            pass\n"
            "        current().rpush('seen', self.jid)\n"
            '        db = database()\n        db.execute("UPDATE',
        ),
    )
    result = checking.examine(CRASH, file)
    assert "still running after a long time" in result.reason
    assert "in current().lrange" in result.reason or "pass" in result.reason, answer
