// A transaction in the caller's scope, as one writes it with pg: each statement is awaited before the next.
import pg from "pg";

export async function transaction(c, statements) {
  const { sub } = c.get("claims");
  const client = new pg.Client({ connectionString: c.env.DB.connectionString });
  await client.connect();
  let trips = 0;
  const query = async (statement, values) => {
    trips += 1;
    return (await client.query(statement, values)).rows;
  };
  try {
    await query("BEGIN");
    await query("SELECT set_config('app.user_id', $1, true), set_config('app.request_id', $2, true), set_config('app.actor', $3, true)", [
      sub,
      crypto.randomUUID(),
      `user:${sub}`,
    ]);
    const rows = [];
    for (const statement of statements) rows.push(await query(statement));
    await query("COMMIT");
    return { rows, trips };
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    c.executionCtx.waitUntil(client.end());
  }
}
