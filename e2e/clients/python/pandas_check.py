import pandas as pd
import sqlalchemy as sa

from common import HOST, PASSWORD, PORT, USER, done, equal

engine = sa.create_engine(f"mysql+pymysql://{USER}:{PASSWORD}@{HOST}:{PORT}/sky")
with engine.connect() as connection:
    done("connect")
    frame = pd.read_sql("SELECT objectId, ra, decl FROM Object ORDER BY objectId", connection)
    equal(frame.shape, (2000, 3))
    chunks = pd.read_sql("SELECT objectId FROM Object", connection, chunksize=300)
    equal(sum(len(chunk) for chunk in chunks), 2000)
    equal(len(pd.read_sql_table("Filter", connection)), 6)
    done("query")
    few = sa.text("SELECT objectId FROM Object WHERE objectId < :most")
    equal(len(pd.read_sql(few, connection, params={"most": 5})), 4)
    done("prepare")
    frame = pd.read_sql("SELECT 0.1e0 AS x, CAST(7 AS SIGNED) AS n, NULL AS nothing, 'é' AS text", connection)
    equal([str(kind) for kind in frame.dtypes], ["float64", "int64", "object", "object"])
    equal(frame.iloc[0].tolist(), [0.1, 7, None, "é"])
    done("types")
