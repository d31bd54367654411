# Wrong: sweep pushes a job for every order there is, each minute.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        take_payment(email, cents, key=f"order {order}")
        db = database()
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
    orders = "SELECT number, email, cents FROM orders"
    for order, email, cents in database().execute(orders).fetchall():
        PaymentWorker.perform_async(order, email, cents)
