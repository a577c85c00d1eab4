import MySQLdb

from common import HOST, PASSWORD, PORT, USER, check

# The driver puts values into the text itself.
check(lambda: MySQLdb.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database="sky"))
