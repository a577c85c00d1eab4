"""What each Python driver is asked to do, over the DB-API they share."""

import datetime
import decimal
import os
import threading
import time

HOST, PORT = "127.0.0.1", int(os.environ["ORRERY_PORT"])
USER = PASSWORD = "admin"
# Runs for minutes unless it is stopped.
LONG = (
    "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) "
    "JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) "
    "JOIN Source g USING (objectId) JOIN Source h USING (objectId) "
    "WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()"
)
MOMENT = datetime.datetime(2024, 2, 29, 1, 2, 3, 456000)
VALUES = [-5, 9007199254740993, "é'\\", decimal.Decimal("-1.50"), MOMENT, None]


def done(step):
    print(step, flush=True)


def equal(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def one(cursor, sql, *values):
    """The only row of a statement."""
    cursor.execute(sql, values) if values else cursor.execute(sql)
    (row,) = cursor.fetchall()
    return tuple(row)


def check(connect, prepared=None, double=0.1):
    """`connect()` gives a connection, `prepared(connection)` a cursor whose values travel as parameters."""
    connection = connect()
    done("connect")
    cursor = connection.cursor()
    equal(one(cursor, "SELECT COUNT(*) FROM Object"), (2000,))
    cursor.execute("SELECT objectId, ra FROM Object WHERE objectId <= %s ORDER BY objectId", (3,))
    equal([row[0] for row in cursor.fetchall()], [1, 2, 3])
    done("query")
    cursor = prepared(connection) if prepared else cursor
    equal(one(cursor, "SELECT %s IS NULL, COALESCE(%s, 9)", None, 5), (1, 5))
    sql = "SELECT COUNT(*) FROM Object WHERE (%s IS NULL OR objectId < %s) AND objectId < %s"
    equal(one(cursor, sql, None, 2, 5), (4,))
    cursor.execute("SELECT objectId FROM Object LIMIT %s", (7,))
    equal(len(cursor.fetchall()), 7)
    done("prepare")
    got = one(cursor, "SELECT %s, %s, %s, %s, %s, %s, %s", double, *VALUES)
    equal(got[:4], (double, *VALUES[:3]))
    equal(got[-1], None)
    equal(one(cursor, "SELECT COUNT(*) FROM Object WHERE objectId = %s", "7"), (1,))
    equal(int(one(cursor, "SELECT CAST(%s AS DATETIME(6)) + 0 = 20240229010203.456", MOMENT)[0]), 1)
    done("types")
    cancel(connect, connection)
    done("cancel")
    connection.close()
    connection = connect()
    equal(one(connection.cursor(), "SELECT 1"), (1,))
    connection.close()
    done("reconnect")


def cancel(connect, connection):
    """A second connection kills the statement of the first, which goes on."""
    (number,) = one(connection.cursor(), "SELECT CONNECTION_ID()")

    def kill():
        time.sleep(1)
        other = connect()
        other.cursor().execute(f"KILL QUERY {number}")
        other.close()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        connection.cursor().execute(LONG)
        raise AssertionError("was not killed")
    except Exception as error:
        assert "interrupted" in str(error), error
    killer.join()
    equal(one(connection.cursor(), "SELECT 2"), (2,))
