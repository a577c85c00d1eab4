"""statements_check.py NAME: what a tool sends when it connects and shows a table, from NAME.txt.

A statement a line. Each must be answered, and with rows unless the line says that there are none.
"""

import sys
from pathlib import Path

import pymysql

from common import HOST, PASSWORD, PORT, USER, done

EMPTY = "(no rows) "

connection = pymysql.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database="sky")
done("connect")
cursor = connection.cursor()
for line in Path(__file__).with_name(f"{sys.argv[1]}.txt").read_text().splitlines():
    statement = line.removeprefix(EMPTY)
    try:
        cursor.execute(statement)
    except pymysql.Error as error:
        raise AssertionError(f"{statement}: {error}") from error
    silent = statement.startswith(("SET ", "USE "))
    expected = not silent and statement == line
    assert bool(cursor.fetchall()) == expected, f"{statement}: rows were {'' if expected else 'not '}expected"
done("query")
