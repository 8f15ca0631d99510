//! Where an HTTP/1.1 response ends (RFC 9112), and the little that is read of it.

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Status.
    pub status: u16,
    /// Bytes up to the body.
    pub length: usize,
    /// How the body is delimited.
    pub body: Body,
    /// Whether the connection is closed after it.
    pub close: bool,
}

/// How a body is delimited.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// By its length in bytes.
    Length(usize),
    /// By a chunk of length zero.
    Chunked,
}

/// The head at the beginning of `bytes`, once it is there as a whole.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut head = Head { status, length: end.saturating_add(4), body: Body::Length(0), close: false };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.body = Body::Length(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            head.close = value.eq_ignore_ascii_case("close");
        }
    }
    Some(head)
}

/// Where the whole response ends in `bytes`, if it is all there.
#[must_use]
pub fn end(head: &Head, bytes: &[u8]) -> Option<usize> {
    match head.body {
        Body::Length(length) => {
            let end = head.length.checked_add(length)?;
            (bytes.len() >= end).then_some(end)
        }
        Body::Chunked => {
            let mut at = head.length;
            loop {
                let rest = bytes.get(at..)?;
                let line = rest.windows(2).position(|two| two == b"\r\n")?;
                let digits = std::str::from_utf8(rest.get(..line)?).ok()?;
                let size = usize::from_str_radix(digits.split(';').next()?.trim(), 16).ok()?;
                at = at.checked_add(line)?.checked_add(size)?.checked_add(4)?;
                if size == 0 {
                    return (bytes.len() >= at).then_some(at);
                }
            }
        }
    }
}

/// The round trips that a response's `Server-Timing` reports: the text of `rt;desc="…"`.
#[must_use]
pub fn round_trips(head: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split_once("rt;desc=\"")?.1.split_once('"').map(|(reported, _)| reported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_ends_a_response() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}HTTP";
        let found = head(bytes);
        assert_eq!(found, Some(Head { status: 201, length: 43, body: Body::Length(2), close: false }));
        assert_eq!(found.and_then(|found| end(&found, bytes)), Some(45));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\n"), None);
    }

    #[test]
    fn an_empty_chunk_ends_a_response() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP";
        assert_eq!(head(bytes).and_then(|found| end(&found, bytes)), Some(bytes.len() - 4));
        let part = bytes.get(..55).unwrap_or_default();
        assert_eq!(head(part).and_then(|found| end(&found, part)), None);
    }

    #[test]
    fn round_trips_are_found() {
        assert_eq!(round_trips(b"server-timing: total;dur=1.0, rt;desc=\"1\"\r\n"), Some("1"));
        assert_eq!(round_trips(b"a: b"), None);
    }
}
