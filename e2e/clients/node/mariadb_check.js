import mariadb from "mariadb";
import { check, options } from "./common.js";

await check(async () => {
  const connection = await mariadb.createConnection({ ...options, rowsAsArray: true });
  return {
    query: (sql) => connection.query(sql),
    execute: (sql, values) => connection.execute(sql, values),
    end: () => connection.end(),
  };
});
