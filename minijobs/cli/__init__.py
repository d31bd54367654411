"""The command `minijobs`, also `python -m minijobs`.

minijobs worker -r app.workers -c 10 -q critical,3 -q default --timeout 25
minijobs stats
minijobs retry list
minijobs monitor --grep 'hset|lpush'
minijobs web
minijobs new SendGifToUser

    parser.py       the command line and its options
    run.py          `minijobs worker`: running a worker process
    supervisor.py   `minijobs worker --processes N`: a parent of several worker processes
    loader.py       loading the modules and files with Workers that `-r` names
    log_writer.py   writing the log of a worker process in the background
    reload.py       restarting a worker process when a file is saved
    commands.py     the commands that look at Redis
    scaffold.py     a new Worker, and a test that fails until it works
"""

from .parser import main as main
