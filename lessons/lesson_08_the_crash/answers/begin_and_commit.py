# Right: transactions by hand, and states in a table of its own, which sweep goes by.
from contextlib import closing

from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker

STATES = "CREATE TABLE IF NOT EXISTS states (number INTEGER PRIMARY KEY, state TEXT)"
TODO = "SELECT number, email, cents FROM orders JOIN states USING (number) WHERE state != 'over'"


def written(*statements):
    with closing(database()) as db:
        db.isolation_level = None
        db.execute(STATES)
        db.execute("BEGIN IMMEDIATE")
        last = [db.execute(*statement).lastrowid for statement in statements]
        db.execute("COMMIT")
        return last[0]


class PaymentWorker(Worker):
    retry = 5

    def perform(self, order, email, cents):
        take_payment(email, cents, key=f"gif-{order}")
        written(
            ("UPDATE orders SET paid = 1 WHERE number = ?", [order]),
            ("UPDATE states SET state = 'paid' WHERE number = ?", [order]),
        )
        send_receipt(email, order)
        written(("UPDATE states SET state = 'over' WHERE number = ?", [order]))


def buy(email, cents):
    order = written(
        ("INSERT INTO orders (email, cents) VALUES (?, ?)", [email, cents]),
        ("INSERT INTO states SELECT max(number), 'new' FROM orders",),
    )
    PaymentWorker.perform_async(order, email, cents)
    return order


def sweep():
    with closing(database()) as db:
        db.execute(STATES)
        todo = db.execute(TODO).fetchall()
    for row in todo:
        PaymentWorker.perform_async(*row)
