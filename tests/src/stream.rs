//! Clients of an organisation's stream: by WebSocket, and by Server-Sent Events.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::Request, protocol::CloseFrame},
};

use crate::{client::Api, system::System};

/// How long a frame may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Somebody connected.
pub enum Listener {
    /// By WebSocket.
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    /// By Server-Sent Events: the answer, what came of it and was not read, and the last id.
    ServerSent(reqwest::Response, String, VecDeque<Value>),
}

/// A refusal: the status and the problem.
pub type Refused = (u16, Value);

/// How somebody connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By WebSocket.
    Socket,
    /// By Server-Sent Events.
    ServerSent,
}

/// Both ways.
pub const WAYS: [By; 2] = [By::Socket, By::ServerSent];

impl Listener {
    /// Connects, or is refused.
    ///
    /// # Errors
    /// When neither answer comes.
    pub async fn try_connect(system: &System, api: &Api, by: By, query: &str, headers: &[(&str, &str)]) -> Result<Result<Self, Refused>> {
        match by {
            By::Socket => {
                let mut request: Request<()> = format!("ws://127.0.0.1:{}/events/stream{query}", system.port()).into_client_request()?;
                request.headers_mut().insert("host", api.host().parse()?);
                request.headers_mut().insert("cf-connecting-ip", api.address().parse()?);
                if let Some(token) = api.token() {
                    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
                }
                for (name, value) in headers {
                    request.headers_mut().insert(tokio_tungstenite::tungstenite::http::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
                }
                match timeout(LIMIT, connect_async(request)).await? {
                    Ok((socket, _)) => Ok(Ok(Self::Socket(Box::new(socket)))),
                    Err(Error::Http(response)) => {
                        let body = response.body().as_deref().unwrap_or_default();
                        Ok(Err((response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default())))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            By::ServerSent => {
                let mut call = api.call("GET", &format!("/events/stream{query}"))?.header("accept", "text/event-stream");
                for (name, value) in headers {
                    call = call.header(name, value);
                }
                let response = timeout(LIMIT, call.open()).await??;
                let status = response.status().as_u16();
                if status != 200 {
                    return Ok(Err((status, serde_json::from_slice(&response.bytes().await?)?)));
                }
                let kind = response.headers().get("content-type").context("no content type")?;
                ensure!(kind == "text/event-stream", "{kind:?}");
                Ok(Ok(Self::ServerSent(response, String::new(), VecDeque::new())))
            }
        }
    }

    /// Connects, and reads the first frame: the listener, and its cursor.
    ///
    /// # Errors
    /// When refused.
    pub async fn connect(system: &System, api: &Api, by: By, after: Option<&str>) -> Result<(Self, String)> {
        let query = after.map(|cursor| format!("?after={cursor}")).unwrap_or_default();
        let connected = Self::try_connect(system, api, by, &query, &[]).await?;
        let mut listener = connected.map_err(|(status, problem)| anyhow::anyhow!("refused: {status} {problem}"))?;
        let ready = listener.next().await?;
        ensure!(ready["type"] == "ready", "{ready}");
        let cursor = ready["cursor"].as_str().context("no cursor")?.to_owned();
        Ok((listener, cursor))
    }

    /// The next frame.
    ///
    /// # Errors
    /// When none comes in time, or the line ends.
    pub async fn next(&mut self) -> Result<Value> {
        timeout(LIMIT, self.frame()).await.context("no frame came")??.context("the line ended")
    }

    /// The frames of events until one of a type with some payload; all of them.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn until(&mut self, last: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await?;
            ensure!(frame["type"] == "event", "{frame}");
            let done = last(&frame["event"]);
            frames.push(frame);
            if done {
                return Ok(frames);
            }
        }
    }

    /// So many frames of events that are meant, and those between.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn take(&mut self, count: usize, meant: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let (mut frames, mut found) = (Vec::new(), 0);
        while found < count {
            let frame = self.next().await?;
            ensure!(frame["type"] == "event", "{frame}");
            found += usize::from(meant(&frame["event"]));
            frames.push(frame);
        }
        Ok(frames)
    }

    /// Whether nothing comes for some time.
    ///
    /// # Errors
    /// What came, or that the line ended.
    pub async fn is_silent(&mut self, time: Duration) -> Result<()> {
        match timeout(time, self.frame()).await {
            Err(_) => Ok(()),
            Ok(frame) => bail!("{:?} came", frame?),
        }
    }

    /// The end of the stream: the code of its last frame, and for a WebSocket the code that it is closed with.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn ends(mut self) -> Result<(String, Option<u16>)> {
        loop {
            let frame = self.next().await?;
            if frame["type"] != "end" {
                continue;
            }
            let code = frame["code"].as_str().context("no code")?.to_owned();
            return match self {
                Self::Socket(mut socket) => match timeout(LIMIT, socket.next()).await?.context("no close frame")?? {
                    Message::Close(Some(CloseFrame { code: number, reason })) => {
                        ensure!(reason.as_str() == code, "{reason} is not {code}");
                        Ok((code, Some(number.into())))
                    }
                    other => bail!("{other:?} after the end"),
                },
                mut other => {
                    ensure!(timeout(LIMIT, other.frame()).await??.is_none(), "something came after the end");
                    Ok((code, None))
                }
            };
        }
    }

    /// Says something over a WebSocket.
    ///
    /// # Errors
    /// When it is none.
    pub async fn says(&mut self, text: &str) -> Result<()> {
        let Self::Socket(socket) = self else { bail!("only a WebSocket can be spoken to") };
        Ok(socket.send(Message::text(text)).await?)
    }

    /// What comes over a WebSocket, whatever it is.
    ///
    /// # Errors
    /// When nothing comes.
    pub async fn raw(&mut self) -> Result<Message> {
        let Self::Socket(socket) = self else { bail!("only a WebSocket has messages") };
        timeout(LIMIT, socket.next()).await?.context("the line ended")?.map_err(Into::into)
    }

    async fn frame(&mut self) -> Result<Option<Value>> {
        match self {
            Self::Socket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(text.as_str())?)),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                }
            },
            Self::ServerSent(response, rest, frames) => loop {
                if let Some(frame) = frames.pop_front() {
                    return Ok(Some(frame));
                }
                let Some(bytes) = response.chunk().await? else { return Ok(None) };
                rest.push_str(std::str::from_utf8(&bytes)?);
                while let Some((block, left)) = rest.split_once("\n\n") {
                    if let Some(frame) = event(block)? {
                        frames.push_back(frame);
                    }
                    *rest = left.to_owned();
                }
            },
        }
    }
}

/// A block of Server-Sent Events (HTML, 9.2.6): its data, whose cursor must be the id. Heartbeats and settings have none.
fn event(block: &str) -> Result<Option<Value>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let Some(data) = field("data") else { return Ok(None) };
    let frame: Value = serde_json::from_str(data)?;
    ensure!(frame["cursor"].as_str() == field("id"), "{block}");
    Ok(Some(frame))
}
