from shop.database import db


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(254), nullable=False, unique=True)
    password = db.Column(db.String(200), nullable=False)
    national_id = db.Column(db.String(20), nullable=True)


class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    customer_id = db.Column(db.ForeignKey("customer.id"), nullable=False)
    total = db.Column(db.Integer, nullable=False)
    refunded = db.Column(db.Boolean, nullable=False, default=False)
