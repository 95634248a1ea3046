//! Where one HTTP request ends and the next begins, read strictly, so that no proxy in front can read it otherwise.

use std::mem;

/// What is kept of a line: more than any header that tells a body's length has.
const LINE: usize = 64;
/// Digits of a body's length, decimal; no body that long is ever taken.
const MAX_LENGTH_DIGITS: usize = 15;
/// Digits of a chunk's size, hexadecimal.
const MAX_CHUNK_DIGITS: usize = 12;

/// Follows the bytes of a connection from request to request.
///
/// The HTTP library reads leniently what proxies read in another way: lines that end without a carriage return, a length
/// beside `Transfer-Encoding: chunked`, a length said twice. Whoever can make two readers disagree about where a request
/// ends can hide one request in another. So what is not framed in the one undisputed way is not let through at all
/// (RFC 9112, sections 2.2, 3.2, 6.1, 6.3 and 7.1).
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    line: Line,
    head: Head,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum State {
    /// Lines of a header.
    #[default]
    Head,
    /// A body of which so many bytes are left.
    Body(u64),
    /// The size line of a chunk: how many digits there were, and their value.
    Size(usize, u64),
    /// The rest of the size line of a chunk of this size.
    Extension(u64),
    /// The line feed of a size line, of a chunk of this size.
    SizeEnd(u64),
    /// A chunk's bytes.
    Chunk(u64),
    /// What follows a chunk's bytes: the carriage return, then the line feed.
    ChunkEnd(&'static [u8]),
    /// Lines behind the last chunk.
    Trailer,
    /// No HTTP any more, or not for sure: the connection was asked to become a WebSocket.
    Switching,
    /// Something stood there that is not let through, nor is anything after it.
    Refused,
}

/// A line as far as it has come.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Its beginning.
    start: [u8; LINE],
    len: usize,
    last: u8,
    /// The byte before a carriage return.
    end: u8,
}

/// What the header said so far.
#[derive(Debug, Default)]
struct Head {
    is_begun: bool,
    is_version_1_0: bool,
    hosts: usize,
    length: Option<u64>,
    is_chunked: bool,
    asks_for_websocket: bool,
}

/// There is more than one way to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ambiguous;

impl Framing {
    /// Reads what came. `Err` has the place of the first byte that must not be let through; nothing after it may be.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            let left = (bytes.len() - at) as u64;
            let taken = match &mut self.state {
                State::Switching => return Ok(()),
                State::Refused => return Err(at),
                State::Body(rest) | State::Chunk(rest) => {
                    let taken = left.min(*rest);
                    *rest -= taken;
                    taken as usize
                }
                _ => {
                    if self.step(bytes[at]).is_err() {
                        *self = Self { state: State::Refused, ..Self::default() };
                        return Err(at);
                    }
                    1
                }
            };
            at += taken;
            match self.state {
                State::Body(0) => self.state = State::Head,
                State::Chunk(0) => self.state = State::ChunkEnd(b"\r\n"),
                _ => {}
            }
        }
        Ok(())
    }

    /// One byte of what is not a body's content.
    fn step(&mut self, byte: u8) -> Result<(), Ambiguous> {
        if let State::Head = self.state {
            return if self.line.push(byte)? { self.end_of_line() } else { Ok(()) };
        }
        self.state = match mem::take(&mut self.state) {
            State::Trailer => {
                let is_whole = self.line.push(byte)?;
                let is_last = is_whole && mem::take(&mut self.line).len == 0;
                if is_last { State::Head } else { State::Trailer }
            }
            State::Size(digits, size) => match (byte, char::from(byte).to_digit(16)) {
                (_, Some(digit)) if digits < MAX_CHUNK_DIGITS => State::Size(digits + 1, size << 4 | u64::from(digit)),
                (b'\r', _) if digits > 0 => State::SizeEnd(size),
                (b';', _) if digits > 0 => State::Extension(size),
                _ => return Err(Ambiguous),
            },
            State::Extension(size) => match byte {
                b'\r' => State::SizeEnd(size),
                b'\n' | 0 => return Err(Ambiguous),
                _ => State::Extension(size),
            },
            State::SizeEnd(size) => match (byte, size) {
                (b'\n', 0) => State::Trailer,
                (b'\n', size) => State::Chunk(size),
                _ => return Err(Ambiguous),
            },
            State::ChunkEnd(rest) => match rest.split_first() {
                Some((expected, rest)) if *expected == byte => {
                    if rest.is_empty() {
                        State::Size(0, 0)
                    } else {
                        State::ChunkEnd(rest)
                    }
                }
                _ => return Err(Ambiguous),
            },
            other @ (State::Head | State::Body(_) | State::Chunk(_) | State::Switching | State::Refused) => other,
        };
        Ok(())
    }

    /// A line of the header is whole.
    fn end_of_line(&mut self) -> Result<(), Ambiguous> {
        let line = mem::take(&mut self.line);
        if !self.head.is_begun {
            // Clients of old send empty lines behind a body; they are passed over (RFC 9112, section 2.2).
            self.head.is_begun = line.len > 0;
            self.head.is_version_1_0 = line.end == b'0';
            return if line.len == 0 || names_a_path(line.text()) { Ok(()) } else { Err(Ambiguous) };
        }
        if line.len > 0 {
            return self.head.read(&line);
        }
        self.state = mem::take(&mut self.head).end()?;
        Ok(())
    }
}

impl Default for Line {
    fn default() -> Self {
        Self { start: [0; LINE], len: 0, last: 0, end: 0 }
    }
}

impl Line {
    /// As much of its text as is kept.
    fn text(&self) -> &[u8] {
        &self.start[..self.len.min(LINE)]
    }

    /// Whether the line is whole with this byte. Its text is then what stands before the line break.
    fn push(&mut self, byte: u8) -> Result<bool, Ambiguous> {
        match (self.last, byte) {
            (b'\r', b'\n') => return Ok(true),
            (b'\r', _) | (_, b'\n' | 0) => return Err(Ambiguous),
            (last, b'\r') => self.end = last,
            _ => {
                if let Some(place) = self.start.get_mut(self.len) {
                    *place = byte;
                }
                self.len += 1;
            }
        }
        self.last = byte;
        Ok(false)
    }
}

impl Head {
    /// Takes note of a header line.
    fn read(&mut self, line: &Line) -> Result<(), Ambiguous> {
        let (text, is_cut) = (line.text(), line.len > LINE);
        if text.starts_with(b" ") || text.starts_with(b"\t") {
            // A line that goes on with the one before, which some readers take for a header of its own.
            return Err(Ambiguous);
        }
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            // Names that are longer than what is kept are none of those below.
            return if is_cut { Ok(()) } else { Err(Ambiguous) };
        };
        let (name, value) = (&text[..colon], text[colon + 1..].trim_ascii());
        if name.trim_ascii().len() != name.len() {
            return Err(Ambiguous);
        }
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if is("host") {
            self.hosts += 1;
        } else if is("content-length") {
            let is_number =
                !value.is_empty() && value.len() <= MAX_LENGTH_DIGITS && value.iter().all(u8::is_ascii_digit);
            if !is_number || is_cut || self.length.is_some() {
                return Err(Ambiguous);
            }
            self.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        } else if is("transfer-encoding") {
            if is_cut || self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous);
            }
            self.is_chunked = true;
        } else if is("upgrade") {
            let names_it = value.to_ascii_lowercase().windows(9).any(|part| part == b"websocket");
            self.asks_for_websocket |= names_it || is_cut;
        }
        Ok(())
    }

    /// What follows the header.
    fn end(self) -> Result<State, Ambiguous> {
        let has_body = self.is_chunked || self.length.is_some_and(|length| length > 0);
        let is_host_clear = self.hosts == 1 || self.hosts == 0 && self.is_version_1_0;
        if self.is_chunked && (self.length.is_some() || self.is_version_1_0) || !is_host_clear {
            return Err(Ambiguous);
        }
        match (self.asks_for_websocket, has_body) {
            (true, true) => Err(Ambiguous),
            (true, false) => Ok(State::Switching),
            (false, _) if self.is_chunked => Ok(State::Size(0, 0)),
            (false, true) => Ok(State::Body(self.length.unwrap_or_default())),
            (false, false) => Ok(State::Head),
        }
    }
}

/// Whether a request line asks for a path, also one with a server before it, or for the server as a whole. Who asks for a
/// tunnel takes this for a proxy.
fn names_a_path(line: &[u8]) -> bool {
    let Some(space) = line.iter().position(|byte| *byte == b' ') else { return false };
    let target = &line[space + 1..];
    let starts_with = |start: &[u8]| target.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    [&b"/"[..], b"* ", b"http://", b"https://"].into_iter().any(starts_with)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of a text is let through, given in parts of this length.
    fn passed(text: &str, part: usize) -> usize {
        let mut framing = Framing::default();
        let mut passed = 0;
        for bytes in text.as_bytes().chunks(part) {
            match framing.read(bytes) {
                Ok(()) => passed += bytes.len(),
                Err(at) => return passed + at,
            }
        }
        passed
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn what_is_framed_in_one_way_goes_through_to_the_next_request() {
        for body in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\n\n\n\n\n",
            "POST / HTTP/1.1\r\nhost:a\r\ncontent-length:0005\t\r\n\r\n12345",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=\"b\"\r\n\n\n\n\n\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
            "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET Http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n\r\n",
        ] {
            let all = format!("{body}{GET}{body}{GET}");
            for part in [1, 2, 3, 7, all.len()] {
                assert_eq!(passed(&all, part), all.len(), "{body:?} in parts of {part}");
            }
            // It is told apart from what follows: a header that is none stands out.
            assert_eq!(passed(&format!("{body}GET / HTTP/1.1\n"), 5), body.len() + 14, "{body:?}");
        }
    }

    #[test]
    fn a_websocket_is_not_read_as_http() {
        let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n\n\n\0 whatever";
        assert_eq!(passed(upgrade, 3), upgrade.len());
    }

    #[test]
    fn what_two_readers_could_frame_in_two_ways_stops_where_it_shows() {
        let post = |headers: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n");
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5, 5",
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: 0x5",
            "Content-Length: 5 5",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Content-Length : 5",
            "Content-Length\t: 5",
            " Content-Length: 5",
            "X: a\r\n Content-Length: 5",
            "X: a\r\n\tTransfer-Encoding: chunked",
            "Transfer-Encoding:\r\n chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: chunked;a=b",
            "Transfer-Encoding : chunked",
            "X: a\nContent-Length: 5",
            "X: a\rContent-Length: 5",
            "X: a\0",
            "no colon",
            "Host: b",
            "Upgrade: websocket\r\nContent-Length: 5",
        ] {
            let all = post(headers) + GET;
            assert!(passed(&all, all.len()) < post(headers).len(), "{headers:?}");
            assert_eq!(passed(&all, 1), passed(&all, all.len()), "{headers:?}");
        }
        for head in [
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(passed(head, 4) < head.len(), "{head:?}");
        }
        for chunks in [
            "5\nabcde\r\n0\r\n\r\n",
            "5\r\nabcdef\r\n0\r\n\r\n",
            "5\r\nabcde0\r\n\r\n",
            "5 \r\nabcde\r\n0\r\n\r\n",
            "0x5\r\nabcde\r\n0\r\n\r\n",
            "-5\r\nabcde\r\n0\r\n\r\n",
            "\r\nabcde\r\n0\r\n\r\n",
            "ffffffffffffffff5\r\nabcde\r\n0\r\n\r\n",
            "5;a\nb\r\nabcde\r\n0\r\n\r\n",
            "5\r\nabcde\n0\r\n\r\n",
            "0\r\nX: a\n\r\n",
        ] {
            let all = post("Transfer-Encoding: chunked") + chunks;
            assert!(passed(&all, all.len()) < all.len(), "{chunks:?}");
        }
    }
}
