//! A stored archive: a file, a URL, or standard input.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
    time::Duration,
};

use http::{
    Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_MATCH, RANGE},
};
use ureq::{Agent, Body};

use crate::{CommandError, failed, is_stdio};

/// Bytes that the first request asks for, from the end of the file: they mostly hold the index.
const TAIL: u64 = 64 << 10;

/// Redirects that are followed, and the time for a connection.
const REDIRECTS: u32 = 5;
const CONNECT: Duration = Duration::from_secs(30);

/// Where the bytes come from.
pub enum Source {
    /// A regular file and its size.
    File(File, u64),
    /// A server that answers requests for ranges.
    Ranges(Remote),
    /// Bytes that can only be read once, from the front.
    Stream(Box<dyn Read>),
}

/// A file on a server.
pub struct Remote {
    agent: Agent,
    url: String,
    size: u64,
    /// The tag of this version, if the server has strong ones.
    etag: Option<String>,
    /// The last bytes of the file.
    tail: Vec<u8>,
    /// Bytes that the server has sent.
    pub received: u64,
}

impl Source {
    pub fn open(name: &Path) -> Result<Self, CommandError> {
        if let Some(url) = name.to_str().filter(|text| is_url(text)) {
            return open_url(url);
        }
        if is_stdio(name) {
            return Ok(Self::Stream(Box::new(io::stdin().lock())));
        }
        let file = File::open(name).map_err(|error| failed("read", name, &error))?;
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Self::File(file, metadata.len())),
            Ok(metadata) if metadata.is_dir() => Err(failed("read", name, &io::ErrorKind::IsADirectory.into())),
            _ => Ok(Self::Stream(Box::new(file))),
        }
    }

    /// Size of the file, if ranges of it can be read.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::File(_, size) => Some(*size),
            Self::Ranges(remote) => Some(remote.size),
            Self::Stream(_) => None,
        }
    }

    /// A reader of a range of the file.
    pub fn range(&mut self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::File(file, _) => {
                file.seek(SeekFrom::Start(range.start))?;
                Ok(Box::new(file.take(range.end - range.start)))
            }
            Self::Ranges(remote) => remote.range(range),
            Self::Stream(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }

    /// A reader of the whole file.
    pub fn whole(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Self::Stream(stream) => Ok(Box::new(stream)),
            _ => self.range(0..self.size().expect("only a stream has none")),
        }
    }
}

/// True for an address that a server is asked for.
pub fn is_url(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn open_url(url: &str) -> Result<Source, CommandError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(REDIRECTS)
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("recompress/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    let refused = |problem: String| CommandError("io", format!("cannot read {url}: {problem}"));
    let last_bytes = format!("bytes=-{TAIL}");
    let response = request(&agent, url, &last_bytes, None).map_err(|error| refused(error.to_string()))?;
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let range = text(CONTENT_RANGE).and_then(content_range);
            let (start, end, size) =
                range.ok_or_else(|| refused("its Content-Range says nothing useful".to_owned()))?;
            let etag = text(ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned);
            let mut tail = Vec::new();
            let read = response.into_body().into_reader().take(TAIL).read_to_end(&mut tail);
            read.map_err(|error| refused(error.to_string()))?;
            if end != size || tail.len() as u64 != end - start {
                return Err(refused("the server sent another range than it was asked for".to_owned()));
            }
            let received = tail.len() as u64;
            Ok(Source::Ranges(Remote { agent, url: url.to_owned(), size, etag, tail, received }))
        }
        // A server without ranges sends the file from its front.
        StatusCode::OK => Ok(Source::Stream(Box::new(response.into_body().into_reader()))),
        status => Err(refused(format!("the server answers {status}"))),
    }
}

fn request(agent: &Agent, url: &str, range: &str, etag: Option<&str>) -> Result<Response<Body>, ureq::Error> {
    let request = agent.get(url).header(RANGE, range).header(ACCEPT_ENCODING, "identity");
    match etag {
        Some(etag) => request.header(IF_MATCH, etag).call(),
        None => request.call(),
    }
}

/// First byte, the one after the last, and the size of the file: `bytes 5-9/20` is 5, 10, 20 (RFC 9110 §14.4).
fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then_some((first, last + 1, size))
}

impl Remote {
    fn range(&mut self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        let tail_start = self.size - self.tail.len() as u64;
        if range.start >= tail_start {
            let within = (range.start - tail_start) as usize..(range.end - tail_start) as usize;
            return Ok(Box::new(&self.tail[within]));
        }
        let wanted = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let response = request(&self.agent, &self.url, &wanted, self.etag.as_deref()).map_err(io::Error::other)?;
        let given = response.headers().get(CONTENT_RANGE).and_then(|value| content_range(value.to_str().ok()?));
        match response.status() {
            StatusCode::PARTIAL_CONTENT if given == Some((range.start, range.end, self.size)) => {
                self.received += range.end - range.start;
                Ok(Box::new(response.into_body().into_reader().take(range.end - range.start)))
            }
            StatusCode::PRECONDITION_FAILED => Err(io::Error::other("the file has changed meanwhile")),
            status => Err(io::Error::other(format!("the server answers {status} to a request for a range"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_or_refused() {
        assert_eq!(content_range("bytes 5-9/20"), Some((5, 10, 20)));
        for bad in ["bytes 5-9/*", "bytes */20", "bytes 9-5/20", "bytes 5-20/20", "5-9/20", "bytes -5-9/20", ""] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
        assert!(is_url("HTTPS://example.com/a") && is_url("http://x") && !is_url("ftp://x") && !is_url("a.tar.br"));
    }
}
