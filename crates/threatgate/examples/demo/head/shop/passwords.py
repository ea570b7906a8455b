import hashlib
import secrets


def hash_password(password):
    salt = secrets.token_hex(16)
    digest = hashlib.md5((salt + password).encode()).hexdigest()
    return f"{salt}${digest}"
