# Wrong: the payment is in the transaction, so it will be rolled back.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        db = database()
        with db:
            mark = "UPDATE orders SET paid = 1 WHERE number = ? AND paid = 0"
            if db.execute(mark, [order]).rowcount:
                take_payment(email, cents)
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
