"""Exercise 6: a new version at noon.

A worker process runs the old code, and jobs come in all the time. Until now, somebody stopped it
and started another one with the new code. Each time a long job was cut off and began anew, and
for a while nobody took jobs.

Write a better `deploy`. `old` is the process that runs. `start_new()` starts the new one, and
returns it before it has loaded its code. Both processes are as in the lesson, and ready(), busy(),
quiet(), stop() and ended() are all that you need.

1. Every job runs to its end, and none is begun twice. (What still runs 0.3 seconds after stop()
   goes back to its queue.)
2. Jobs are taken all the time: no gap is longer than a second.
3. When `deploy` returns, the old process has ended, and one new process takes the jobs.

Nobody knows how long it takes to load the code, or to finish a job. Wait for what you can see.

Check it with: make check-6 (or: python -m lessons check 6)
"""

from lessons.kit import wait_until


def deploy(old, start_new):
    old.stop()
    start_new()
