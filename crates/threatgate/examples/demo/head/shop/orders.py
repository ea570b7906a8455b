from flask import Blueprint, jsonify, request
from flask_login import current_user, login_required

from shop.database import db
from shop.models import Order

orders = Blueprint("orders", __name__)


@orders.get("/")
@login_required
def index():
    mine = Order.query.filter_by(customer_id=current_user.id)
    return jsonify([order.id for order in mine])


@orders.post("/")
@login_required
def create():
    order = Order(customer_id=current_user.id, total=request.json["total"])
    db.session.add(order)
    db.session.commit()
    return jsonify(id=order.id), 201


@orders.post("/<int:order_id>/refund")
def refund(order_id):
    order = db.get_or_404(Order, order_id)
    order.refunded = True
    db.session.commit()
    return jsonify(id=order.id, refunded=True)
