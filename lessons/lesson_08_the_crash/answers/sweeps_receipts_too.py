# Right: sweep pushes whatever is still to be done, the receipt, too. What has been mailed is noted.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        take_payment(email, cents, key=f"order {order}")
        db = database()
        db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
        db.commit()


class ReceiptWorker(Worker):
    def perform(self, order, email):
        send_receipt(email, order)
        db = with_receipts()
        db.execute("INSERT INTO receipts (number) VALUES (?)", [order])
        db.commit()


def buy(email, cents):
    db = database()
    insert = "INSERT INTO orders (email, cents) VALUES (?, ?)"
    order = db.execute(insert, [email, cents]).lastrowid
    db.commit()
    PaymentWorker.perform_async(order, email, cents)
    return order


def with_receipts():
    db = database()
    db.execute("CREATE TABLE IF NOT EXISTS receipts (number INTEGER)")
    return db


def sweep():
    unsent = "SELECT number, email FROM orders WHERE paid = 1 AND number NOT IN (SELECT number FROM receipts)"
    for order, email in with_receipts().execute(unsent).fetchall():
        ReceiptWorker.perform_async(order, email)
    unpaid = "SELECT number, email, cents FROM orders WHERE paid = 0"
    for order, email, cents in database().execute(unpaid).fetchall():
        PaymentWorker.perform_async(order, email, cents)
