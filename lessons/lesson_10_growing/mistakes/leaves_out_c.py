"""leaving out -c where one thread is meant"""


def set_up(day):
    own_queue = {kind: kind for kind in ("mail", "gif", "report")}

    # Only mails need threads: 9.3 are busy at noon, and a few more. GIFs and reports
    # compute, for which a plain process is enough; the GIFs get two.
    lines = ["-q mail -c 14", "-q gif", "-q gif", "-q report"]

    return own_queue, lines
