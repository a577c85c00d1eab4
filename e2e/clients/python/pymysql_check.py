import pymysql

from common import HOST, PASSWORD, PORT, USER, check

check(lambda: pymysql.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database="sky"))
