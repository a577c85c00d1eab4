import sqlalchemy as sa

from common import HOST, PASSWORD, PORT, USER, check, done, equal

engine = sa.create_engine(f"mysql+pymysql://{USER}:{PASSWORD}@{HOST}:{PORT}/sky")
with engine.connect() as connection:
    equal(connection.scalar(sa.text("SELECT COUNT(*) FROM Object")), 2000)
    inspector = sa.inspect(engine)
    assert "Object" in inspector.get_table_names()
    assert not inspector.has_table("nowhere")
    table = sa.Table("Object", sa.MetaData(), autoload_with=engine)
    assert "objectId" in table.columns
    query = sa.select(table.c.objectId).where(table.c.objectId < sa.bindparam("most")).limit(5)
    equal(len(connection.execute(query, {"most": 100}).all()), 5)
check(engine.raw_connection)
