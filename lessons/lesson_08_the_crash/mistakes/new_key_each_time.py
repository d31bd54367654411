# Wrong: a key, made anew each day.
from datetime import date

from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        db = database()
        paid = "SELECT 1 FROM orders WHERE number = ? AND paid = 1"
        if not db.execute(paid, [order]).fetchone():
            take_payment(email, cents, key=f"{date.today()}: order {order}")
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
