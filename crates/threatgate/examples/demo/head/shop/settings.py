import os

SECRET_KEY = os.environ["SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["DATABASE_URL"]
PAYMENT_API_KEY = "{{ generated key }}"
SESSION_COOKIE_SECURE = True
