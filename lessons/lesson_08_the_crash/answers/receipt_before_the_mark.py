# Right: the mark is the last step. As long as it is missing, everything is done once more.
from lessons.kit import database, send_receipt, take_payment
from minijobs import Worker


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        db = database()
        paid = db.execute("SELECT paid FROM orders WHERE number = ?", [order]).fetchone()
        if paid == (1,):
            return
        take_payment(email, cents, key=order)
        send_receipt(email, order)
        db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
        db.commit()


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
