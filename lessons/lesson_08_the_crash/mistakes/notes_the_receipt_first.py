"""noting that the receipt went out, before it did"""

from lessons import kit
from minijobs import Worker


def shop():
    db = kit.database()
    db.execute("CREATE TABLE IF NOT EXISTS receipts (number INTEGER PRIMARY KEY)")
    return db


class PaymentWorker(Worker):
    def perform(self, order, email, cents):
        kit.take_payment(email, cents, f"order {order}")
        db = shop()
        with db:
            db.execute("UPDATE orders SET paid = 1 WHERE number = ?", [order])
        if not db.execute("SELECT 1 FROM receipts WHERE number = ?", [order]).fetchone():
            ReceiptWorker.perform_async(order, email)


class ReceiptWorker(Worker):
    def perform(self, order, email):
        db = shop()
        with db:
            new = db.execute("INSERT OR IGNORE INTO receipts VALUES (?)", [order]).rowcount
        if new:  # otherwise it has been sent
            kit.send_receipt(email, order)


def buy(email, cents):
    db = shop()
    with db:
        order = db.execute("INSERT INTO orders (email, cents) VALUES (?, ?)", [email, cents]).lastrowid
        db.execute("INSERT INTO outbox (number) VALUES (?)", [order])
    return order


def sweep():
    db = shop()
    for order, email, cents in db.execute(
        "SELECT orders.number, email, cents FROM outbox JOIN orders ON orders.number = outbox.number"
    ).fetchall():
        if not db.execute("SELECT 1 FROM receipts WHERE number = ?", [order]).fetchone():
            PaymentWorker.perform_async(order, email, cents)
        with db:
            db.execute("DELETE FROM outbox WHERE number = ?", [order])
