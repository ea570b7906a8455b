from shop import create_app


def test_orders_need_a_login():
    client = create_app().test_client()
    assert client.get("/orders/").status_code == 401
