"""a -c for each -q"""


def set_up(day):
    own_queue = {kind: kind for kind in ("mail", "gif", "report")}

    # Thirteen threads for the mails and one for the reports, in one process.
    lines = ["-q mail -c 13 -q report -c 1", "-q gif -c 4 --processes 2"]

    return own_queue, lines
