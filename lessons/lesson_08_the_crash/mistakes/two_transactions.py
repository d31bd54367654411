# Wrong: the order and its row in the outbox are two transactions.
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
    db.execute("INSERT INTO outbox (number) VALUES (?)", [order])
    db.commit()
    return order


def sweep():
    db = database()
    rows = "SELECT orders.number, email, cents FROM orders JOIN outbox USING (number)"
    for order, email, cents in db.execute(rows).fetchall():
        PaymentWorker.perform_async(order, email, cents)
        with db:
            db.execute("DELETE FROM outbox WHERE number = ?", [order])
