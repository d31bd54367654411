# Wrong: the payment is taken in buy, within the transaction.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email):
        send_receipt(email, order)


def buy(email, cents):
    db = database()
    insert = "INSERT INTO orders (email, cents, paid) VALUES (?, ?, 1)"
    order = db.execute(insert, [email, cents]).lastrowid
    take_payment(email, cents, key=f"order {order}")
    db.commit()
    PaymentWorker.perform_async(order, email)
    return order


def sweep():
    for order, email in database().execute("SELECT number, email FROM orders").fetchall():
        PaymentWorker.perform_async(order, email)
