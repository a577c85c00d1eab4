import mysql from "mysql2/promise";
import { check, options } from "./common.js";

await check(async () => {
  const connection = await mysql.createConnection({ ...options, rowsAsArray: true });
  return {
    query: async (sql) => (await connection.query(sql))[0],
    execute: async (sql, values) => (await connection.execute(sql, values))[0],
    end: () => connection.end(),
  };
});
