"""The shop: customers and their orders."""

from flask import Flask

from shop.accounts import accounts
from shop.database import db
from shop.orders import orders


def create_app():
    app = Flask(__name__)
    app.config.from_object("shop.settings")
    db.init_app(app)
    app.register_blueprint(accounts, url_prefix="/accounts")
    app.register_blueprint(orders, url_prefix="/orders")
    return app
