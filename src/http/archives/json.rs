//! `GET /archives/{id}/json`: a save in an archive, as JSON, or a part of it.

use std::{fmt::Display, sync::Arc};

use bytes::Bytes;
use http::{Method, Response};
use recompress::{Absent, Error, save::Game, seekable::Index};
use recompress_service::{Order, RequestLog, Stored};

use super::{Reading, Refused, media, member::is_file, refusal};
use crate::{accept, body::Body, given::Given, json, submission};

/// The options of this path.
pub(crate) const OPTIONS: [&str; 8] = ["member", "keys", "narrow", "encoding", "select", "lines", "unknown", "quality"];

impl Reading<'_> {
    pub(super) async fn json<B>(self, log: &mut RequestLog) -> Result<Response<Body<B>>, Refused>
    where
        B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
    {
        let (head, settings) = (self.head, &self.state.settings);
        let given = Given::by_head(head.uri.query().unwrap_or_default(), &head.headers)?;
        given.expect_only(&OPTIONS)?;
        let options = json::options(&given)?;
        let (index, lgwin, held) = self.index().await?;
        let number = save(given.one("member"), &index)?;
        let entry = &index.members[number].entry;
        self.may_decode(entry.size)?;
        let parameters = json::parameters(settings, &given, head, Some(entry.size))?;
        let content_type = if options.selection.is_lines() { accept::LINES } else { accept::JSON };
        let game = submission::game(&entry.name).or_else(|| submission::game(&self.record.name()?));
        let stored = Stored { index: Arc::new(index.only(number)), lgwin };
        drop((index, held));

        let mut response = Response::new(Body::default());
        let mut begun_with = None;
        if head.method == Method::GET {
            let (options, words) = (Box::new(options), self.state.words.clone());
            let order = Order::MemberJson { stored: stored.clone(), options, words, game, parameters };
            (*response.body_mut(), begun_with) = self.run(stored, order, log).await?;
        }
        let headers = response.headers_mut();
        headers.extend(media::sandboxed());
        json::describe(headers, content_type, begun_with, log);
        Ok(response)
    }
}

/// The member that is the save: the one with this name, else `gamestate`, else the first with the extension of a game.
fn save(name: Option<&str>, index: &Index) -> Result<usize, Refused> {
    let find = |is_it: &dyn Fn(&str) -> bool| {
        index.members.iter().position(|member| is_file(&member.entry.kind) && is_it(&member.entry.name))
    };
    if let Some(name) = name {
        return find(&|known| known == name).ok_or_else(|| refusal::no_member(name, &[]).into());
    }
    let of_a_game = |name: &str| name.rsplit_once('.').is_some_and(|(_, end)| Game::by_extension(end).is_some());
    find(&|known| known == "gamestate").or_else(|| find(&of_a_game)).ok_or_else(|| {
        let (name, members) = ("gamestate".to_owned(), index.members.len() as u64);
        Error::from(Absent::Save { name, members }).into()
    })
}
