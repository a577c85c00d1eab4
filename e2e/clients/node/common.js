// What both Node drivers are asked to do.
import assert from "node:assert/strict";

export const options = {
  host: "127.0.0.1",
  port: Number(process.env.ORRERY_PORT),
  user: "admin",
  password: "admin",
  database: "sky",
};
const LONG =
  "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) " +
  "JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) " +
  "JOIN Source g USING (objectId) JOIN Source h USING (objectId) " +
  "WHERE a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()";

export const done = (step) => console.log(step);

// `connect()` gives { query(sql), execute(sql, values), end() }, each answering rows as arrays.
export async function check(connect) {
  let connection = await connect();
  done("connect");
  assert.equal(Number((await connection.query("SELECT COUNT(*) FROM Object"))[0][0]), 2000);
  done("query");
  const first = async (sql, values) => (await connection.execute(sql, values))[0].map(Number);
  assert.deepEqual(await first("SELECT ? IS NULL, COALESCE(?, 9)", [null, 5]), [1, 5]);
  const counted = "SELECT COUNT(*) FROM Object WHERE (? IS NULL OR objectId < ?) AND objectId < ?";
  assert.deepEqual(await first(counted, [null, 2, 5]), [4]);
  for (const limit of [7, "7", 7n]) {
    assert.equal((await connection.execute("SELECT objectId FROM Object LIMIT ?", [limit])).length, 7);
  }
  done("prepare");
  const [text, number] = (await connection.execute("SELECT ?, ?", ["é'\\", 0.1]))[0];
  assert.deepEqual([text, Number(number)], ["é'\\", 0.1]);
  const moment = new Date("2024-02-29T01:02:03Z");
  assert.deepEqual(await first("SELECT COUNT(*) FROM Object WHERE ? IS NOT NULL AND objectId = ?", [moment, "7"]), [1]);
  done("types");
  const [[id]] = await connection.query("SELECT CONNECTION_ID()");
  const killed = connection.query(LONG).then(() => assert.fail("was not killed"), (error) => error);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const other = await connect();
  await other.query(`KILL QUERY ${id}`);
  await other.end();
  assert.equal((await killed).errno, 1317);
  assert.equal(Number((await connection.query("SELECT 2"))[0][0]), 2);
  done("cancel");
  await connection.end();
  connection = await connect();
  assert.equal(Number((await connection.query("SELECT 1"))[0][0]), 1);
  await connection.end();
  done("reconnect");
}
