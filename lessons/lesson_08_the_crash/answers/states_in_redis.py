# Right: Redis says how far it is, and the key makes a wrong answer of Redis's harmless.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker
from minijobs.connection import current


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        states, name = current(), f"order:{order}"
        if states.get(name) != b"paid":
            take_payment(email, cents, key=name)
            db = database()
            with db:
                db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
            states.set(name, "paid")
        ReceiptWorker.perform_async(order, email)


class ReceiptWorker(Worker):
    def perform(self, order, email):
        send_receipt(email, order)


def buy(email, cents):
    db = database()
    insert = "INSERT INTO orders (email, cents) VALUES (?, ?)"
    order = db.execute(insert, [email, cents]).lastrowid
    db.commit()
    PaymentWorker.perform_async(order, email, cents)
    return order


def sweep():
    unpaid = "SELECT number, email, cents FROM orders WHERE paid = 0"
    for order, email, cents in database().execute(unpaid).fetchall():
        PaymentWorker.perform_async(order, email, cents)
