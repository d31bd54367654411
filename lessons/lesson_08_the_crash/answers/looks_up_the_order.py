# Right: the job may come before the commit. It finds nothing then, and sweep pushes another one.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order):
        db = database()
        found = db.execute("SELECT email, cents FROM orders WHERE number = ?", [order]).fetchone()
        if not found:
            return  # not committed (yet): sweep will find it if it ever is
        email, cents = found
        take_payment(email, cents, key=f"order {order}")
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
    PaymentWorker.perform_async(order)
    db.commit()
    return order


def sweep():
    for (order,) in database().execute("SELECT number FROM orders WHERE NOT paid").fetchall():
        PaymentWorker.perform_async(order)
