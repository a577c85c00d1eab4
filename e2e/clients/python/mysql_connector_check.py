import mysql.connector

from common import HOST, PASSWORD, PORT, USER, check

check(
    lambda: mysql.connector.connect(
        host=HOST, port=PORT, user=USER, password=PASSWORD, database="sky", use_pure=True, ssl_disabled=True
    ),
    lambda connection: connection.cursor(prepared=True),
)
