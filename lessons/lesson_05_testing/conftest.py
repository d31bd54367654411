"""What the tests of exercise 5 can ask for: the fixture of `minijobs.testing`, and an inbox.

The check brings the same two. This file is for `python -m pytest lessons/lesson_05_testing/exercise.py`.
"""

from lessons.lesson_05_testing.fixtures import embedded_redis, fake_jobs, inbox

__all__ = ["embedded_redis", "fake_jobs", "inbox"]
