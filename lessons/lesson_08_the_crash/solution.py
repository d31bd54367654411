"""Three changes, one for each place where two things are written one after the other.

The payment has a key. In `perform`, the provider's books and the shop's database are two places, and
the process may die in between. So the payment may be asked for twice, and the key lets the provider
know it again. It is made of the order's number: the same in every run, and in every job for the
order. The id of the job would not do, because `sweep` pushes a second job for the same order.

The push comes after the commit. Before it, there may be a job for an order that is never written,
and somebody pays for nothing.

`sweep` pushes again what has not been paid. After the commit, `buy` may die before the push. The
orders themselves are the outbox here: whatever is not marked as paid still has to be. It pushes
too much, a second job while the first one waits, and that does no harm, because of the key.

In `perform`, nothing returns early when the order is paid already. A run that died after the mark
and before the push of the receipt is done once more from its beginning, and so the receipt goes out.
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
