//! The shell of the mailbox.
#![expect(missing_docs, reason = "methods that the macro makes")]

use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};

use super::{Message, Op};
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Storage, Text, from_json, instant, to_json},
};

/// `place` orders messages of the same instant as they came.
const SCHEMA: &str = "
create table if not exists messages (
  place integer primary key, id text not null unique, recipient text not null, sent_at integer not null, record text not null
);
create index if not exists messages_recipient on messages (recipient);
";

/// Messages kept at most.
const MOST: i64 = 1000;

/// Object class `MailboxObject`, binding `MAILBOX`.
#[durable_object(fetch)]
pub struct MailboxObject {
    storage: Storage,
}

impl DurableObject for MailboxObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| match op {
            Op::Put { message } => Answer::of(&self.put(&message)?),
            Op::List { to } => Answer::of(&self.list(to)?),
        })
        .await
    }
}

impl MailboxObject {
    fn put(&self, message: &Message) -> Result<bool, Fault> {
        let inserted: Vec<Text> = self.storage.rows(
            "insert into messages (id, recipient, sent_at, record) values (?, ?, ?, ?) on conflict (id) do nothing returning id as value",
            vec![
                SqlStorageValue::String(message.id.to_string()),
                SqlStorageValue::String(message.to.to_lowercase()),
                instant(message.sent_at),
                to_json(message)?,
            ],
        )?;
        self.storage.run(
            "delete from messages where place in (select place from messages order by sent_at desc, place desc limit -1 offset ?)",
            vec![SqlStorageValue::Integer(MOST)],
        )?;
        Ok(!inserted.is_empty())
    }

    fn list(&self, to: Option<String>) -> Result<Vec<Message>, Fault> {
        let to: SqlStorageValue = to.map(|to| to.to_lowercase()).into();
        let rows: Vec<Text> = self
            .storage
            .rows("select record as value from messages where ?1 is null or recipient = ?1 order by sent_at desc, place desc", vec![to])?;
        rows.iter().map(|row| from_json(&row.value)).collect()
    }
}
