//! The page of text at `/`, which teaches the command with its own address in it.

use http::{header::HOST, request::Parts};

use crate::settings::Settings;

pub(crate) fn text(head: &Parts, settings: &Settings) -> String {
    let origin = origin(head);
    let shown = |choice: Option<u8>| choice.map_or("auto".to_owned(), |number| number.to_string());
    format!(
        "recompress: a zip goes in, a brotli-compressed tarball comes out, while the upload is still going on.

    curl --fail-with-body -OJ -T save.zip {origin}/
    curl --fail-with-body --data-binary @save.zip {origin}/ -o save.tar.br

    brotli -dc save.tar.br | tar -x

Options, after the path as in \"{origin}/?quality=5&lgwin=20\":

    quality   0 (fast) to 11 (small), or auto for the best within 25 s of CPU; {quality} if not given
    lgwin     10 to 24, the window's size as a power of two, or auto for what fits the upload; {lgwin} if not given,
              at most 21 for quality 10 and 11, and auto where the quality is
    name      the upload's name, after which the download is named

Each also as a header, as in \"Recompress-Quality: 5\". All there is to know: {origin}/docs, or {origin}/openapi.json.

What cannot be converted is answered with application/problem+json: \"code\" is for programs, \"detail\" for people.
A transfer that breaks off, as curl says with exit code 18 or 56, is a failure too: what was received is not complete.
",
        quality = shown(settings.quality),
        lgwin = shown(settings.lgwin),
    )
}

/// Where the page was asked for. A server that is given a path alone knows it from the `Host` header.
fn origin(head: &Parts) -> String {
    let scheme = head.uri.scheme_str().unwrap_or("http");
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str()).or(host).unwrap_or("localhost");
    format!("{scheme}://{authority}")
}
