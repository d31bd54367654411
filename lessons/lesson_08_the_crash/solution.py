"""Three changes, one for each place where two things are written one after the other.

The payment has a key. In `perform`, the provider's books and the shop's database are two places, and
the process may die in between. So the payment may be asked for twice, and the key lets the provider
recognize it. It is made from the order's number: the same in every run, and in every job for the
order. The id of the job would not work, because `sweep` pushes a second job for the same order.

The push comes after the commit. Before it, there could be a job for an order that is never written,
and somebody would pay for nothing.

`sweep` pushes again what has not been paid. After the commit, `buy` may die before the push. The
orders themselves are the outbox here: every order that is not marked as paid still has to be paid.
`sweep` pushes too much, a second job while the first one waits. That does no harm, because of the key.

In `perform`, nothing returns early when the order has already been paid. A run that died after the
mark and before the push of the receipt starts over, and so the receipt goes out.
"""

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
    unpaid = "SELECT number, email, cents FROM orders WHERE paid = 0"
    for order, email, cents in database().execute(unpaid).fetchall():
        PaymentWorker.perform_async(order, email, cents)
