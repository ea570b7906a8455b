from flask import Blueprint, abort, jsonify, request
from flask_login import current_user, login_required

from shop.database import db
from shop.models import Customer
from shop.passwords import hash_password

accounts = Blueprint("accounts", __name__)


@accounts.post("/register")
def register():
    customer = Customer(email=request.json["email"])
    customer.password = hash_password(request.json["password"])
    db.session.add(customer)
    db.session.commit()
    return jsonify(id=customer.id), 201


@accounts.get("/<int:customer_id>")
@login_required
def show(customer_id):
    if current_user.id != customer_id:
        abort(404)
    customer = db.get_or_404(Customer, customer_id)
    return jsonify(id=customer.id, email=customer.email)
