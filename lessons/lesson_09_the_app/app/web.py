"""What a browser sees: a page with some forms. The dashboard is below it, at /jobs."""

import json
import sqlite3

from flask import Flask, render_template, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import database
import services
from minijobs.web import dashboard
from workers import (
    DataWorker,
    GoodbyeWorker,
    NewsletterWorker,
    PictureWorker,
    SendGifToUserWorker,
    WelcomeWorker,
)

app = Flask(__name__, template_folder=".")


def page(said="", status=200):
    """The page, with what is said at its top."""
    return render_template("page.html", said=said), status


def plain(value):
    """The same as JSON, so that it can be an argument of a job."""
    return json.loads(json.dumps(value, default=str))


@app.get("/")
def index():
    return page()


@app.post("/thoughts")
def send_thought():
    email, thought = request.form["email"], request.form["thought"]
    SendGifToUserWorker().perform(email, thought)
    return page(f"You did it! Email sent to {email}.")


@app.post("/picture")
def send_picture():
    email = request.form["email"]
    PictureWorker.perform_async(email)
    return page(f"The picture of the day is on its way to {email}.")


@app.post("/newsletter")
def subscribe():
    email = request.form["email"]
    NewsletterWorker.perform_async(email)
    return page(f"Look into your inbox, {email}.")


@app.post("/data")
def send_data():
    user = database.user_called(request.form["name"])
    DataWorker.perform_async(plain(user))
    return page(f"It is on its way to you, {user.name}.")


@app.post("/address")
def change_address():
    user = database.user_called(request.form["name"])
    with database.transaction() as db:
        database.set_email(db, user.name, request.form["email"])
    return page(f"You have a new address, {user.name}.")


@app.post("/accounts")
def sign_up():
    name, email = request.form["name"], request.form["email"]
    try:
        with database.transaction() as db:
            number = database.add_user(db, name, email)
            WelcomeWorker.perform_async(number)
            database.set_avatar(db, number, services.draw_avatar(name))
    except (OSError, sqlite3.IntegrityError):
        return page(f"Sorry, {name}. You have no account yet. Please try again.", 503)
    return page(f"You have an account now, {name}.")


@app.post("/goodbye")
def close_account():
    user = database.user_called(request.form["name"])
    with database.transaction() as db:
        database.remove_user(db, user.name)
    GoodbyeWorker.perform_async(user.email)
    return page(f"Your account is closed, {user.name}.")


@app.errorhandler(LookupError)
def nobody(error):
    return page(str(error), 404)


application = DispatcherMiddleware(app, {"/jobs": dashboard()})
