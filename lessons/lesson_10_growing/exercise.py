"""Exercise 10: a set-up for a day.

day.csv holds a day: 254,814 mails, 45,126 GIFs and 60 reports. A mail waits for 0.5 seconds, a GIF
computes for 0.3 seconds, a report computes for 15. All reports come at nine o'clock sharp.

`set_up` returns which queue each kind of job is pushed to, and a list of lines. For each line,
`minijobs worker` is started with the words in it. (Leave out `-r`. The check adds it.) Somebody has
written a first version. Change it:

1. Each kind of job goes to a queue that a process serves. There are at most 4 worker processes:
   the machine has a processor for each of four, and no memory for more. (With `--processes 2` there
   are two; their parent does not count.) And there are at most 30 threads in all, because each
   keeps a connection to the database, and 30 of those are left.
2. Take any five minutes of the day: of the mails that come in them, 19 of 20 begin within 1 second.
3. In the same way, of the GIFs, 19 of 20 begin within 10 seconds.
4. All reports begin within 20 minutes.
5. All of it runs: a minute of noon, for real.

The check simulates the day where it is worst: five minutes from 09:00, 12:00 and 19:10 on. Then it
starts your processes and runs a minute of noon, twenty times as fast, with one job of every four.

`day["mail"]` is a list: how many mails came in each ten minutes; likewise "gif" and "report". You
need not use it. Check it with: make check-10 (or: python -m lessons check 10)
"""


def set_up(day):
    queues = {"mail": "default", "gif": "default", "report": "default"}
    lines = ["-q default -c 10"]
    return queues, lines
