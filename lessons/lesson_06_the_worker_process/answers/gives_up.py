"""If the new process does not come up, it is taken away again, and the old one goes on."""

from lessons.kit import wait_until


class Deploy:
    def __init__(self, old):
        self.old = old

    def come(self, start_new):
        self.new = start_new()
        try:
            wait_until(lambda: self.new.ready() or self.new.ended())
            if self.new.ended():
                raise RuntimeError("the new code does not start")
        except Exception:
            self.new.stop()
            raise

    def go(self):
        self.old.quiet()
        wait_until(lambda: self.old.busy() == 0)
        self.old.stop()


def deploy(old, start_new):
    change = Deploy(old)
    change.come(start_new)
    change.go()
