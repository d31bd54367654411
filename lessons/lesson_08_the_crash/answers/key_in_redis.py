# Right: the key is random, but made once: SET NX keeps the first one for every run that comes later.
import secrets

from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker
from minijobs.connection import current


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        name = f"payment:{order}"
        current().set(name, secrets.token_hex(8), nx=True)
        take_payment(email, cents, key=current().get(name).decode())
        with database() as db:
            db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
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
