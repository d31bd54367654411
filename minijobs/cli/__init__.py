"""The command `minijobs`, also `python -m minijobs`.

minijobs worker -r app.workers -c 10 -q critical,3 -q default --timeout 25
minijobs stats
minijobs retry list
minijobs monitor --grep 'hset|lpush'
minijobs web
minijobs new SendGifToUser

    parser.py       what its words mean
    run.py          `minijobs worker`: running a worker process
    loader.py       the modules and files with Workers that `-r` names
    log_writer.py   the log of a worker process, written in the background
    reload.py       a worker process that starts again when a file is saved
    commands.py     what the commands do that look at Redis
    scaffold.py     a new Worker, and a test that is red until it works
"""

from .parser import main as main
