# Right: buy pushes nothing. Whatever is not paid is found within a minute.
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


def buy(email: str, cents: int) -> int:
    with database() as db:
        return db.execute("INSERT INTO orders (email, cents) VALUES (?, ?)", [email, cents]).lastrowid


def sweep() -> None:
    unpaid = database().execute("SELECT number, email, cents FROM orders WHERE NOT paid")
    PaymentWorker.perform_bulk(list(map(list, unpaid)))
