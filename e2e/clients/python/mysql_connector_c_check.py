# libmysqlclient 9, which has no native password plugin any more.
import mysql.connector

from common import HOST, PASSWORD, PORT, USER, check

check(
    lambda: mysql.connector.connect(
        host=HOST, port=PORT, user=USER, password=PASSWORD, database="sky", use_pure=False, ssl_disabled=True
    ),
    lambda connection: connection.cursor(prepared=True),
    # This driver hands DOUBLE parameters back as FLOAT, with MariaDB as well.
    double=0.5,
)
