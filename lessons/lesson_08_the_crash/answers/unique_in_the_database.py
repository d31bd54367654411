# Right: the key is in the database before the payment. A second row for the order is refused, so the first key stays.
import uuid

from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


def key_of(db, order):
    db.execute("CREATE TABLE IF NOT EXISTS keys (number INTEGER UNIQUE, key TEXT)")
    with db:
        db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", [order, uuid.uuid4().hex])
    return db.execute("SELECT key FROM keys WHERE number = ?", [order]).fetchone()[0]


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        db = database()
        take_payment(email, cents, key_of(db, order))
        db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
        db.commit()
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
