# Wrong: sweep takes care of the receipts, and of no order that has not been paid.
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
    db = database()
    db.execute("CREATE TABLE IF NOT EXISTS swept (number INTEGER)")
    rows = "SELECT number, email FROM orders WHERE paid = 1 AND number NOT IN (SELECT number FROM swept)"
    for order, email in db.execute(rows).fetchall():
        ReceiptWorker.perform_async(order, email)
        db.execute("INSERT INTO swept VALUES (?)", [order])
        db.commit()
