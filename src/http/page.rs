//! The text page at `/`: usage, with the address it was requested from.

use http::{header::HOST, request::Parts};

use crate::settings::Settings;

pub(crate) fn text(head: &Parts, settings: &Settings) -> String {
    let origin = origin(head);
    let shown = |choice: Option<u8>| choice.map_or("auto".to_owned(), |number| number.to_string());
    format!(
        "recompress: a zip goes in, a brotli-compressed tarball comes out. Large uploads are converted while they arrive.

    curl --fail-with-body -OJ -T save.zip {origin}/
    curl --fail-with-body --data-binary @save.zip {origin}/ -o save.tar.br

    brotli -dc save.tar.br | tar -x

Options, after the path as in \"{origin}/?quality=5&lgwin=20\":

    quality   0 (fast) to 11 (small), or auto for the best within the CPU limit; {quality} if not given, or lower
              where the zip would exceed that limit
    lgwin     10 to 24, the window's size as a power of two, or auto for what fits the upload; {lgwin} if not given,
              at most 21 for quality 10 and 11, and auto where the quality is
    name      the upload's name; the download is named after it

Each is also a header, as in \"Recompress-Quality: 5\". Full documentation: {origin}/docs, or {origin}/openapi.json.

A refusal is application/problem+json: \"code\" is for programs, \"detail\" for people.
A transfer that breaks off (curl: exit code 18 or 56) is a failure too: the file is incomplete. Retry with
quality=auto; POST the zip to {origin}/inspect to see why.
",
        quality = shown(settings.quality),
        lgwin = shown(settings.lgwin),
    )
}

/// The address of the request. If the request line has only a path, the `Host` header has the rest.
fn origin(head: &Parts) -> String {
    let scheme = head.uri.scheme_str().unwrap_or("http");
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str()).or(host).unwrap_or("localhost");
    format!("{scheme}://{authority}")
}
