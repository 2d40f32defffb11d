//! The run of a job: from its order to the begin of its answer.

use std::fmt::Display;

use bytes::Bytes;
use http::request::Parts;
use recompress_service::{Answer, Exchange, Failure, Known, Order, RequestLog, Terms};

use crate::{body::Job, problem::Problem, shared::Shared, upload::Upload};

/// Receives the archive, waits for memory, and converts until the answer can begin. `body_bytes` is the declared length of
/// the request's body, `last_words` the line that ends an incomplete result.
pub(crate) async fn begin<B>(
    terms: &Terms,
    head: &Parts,
    order: Order,
    upload: Upload<Shared<B>>,
    body_bytes: Option<u64>,
    last_words: Option<fn(&Failure) -> Vec<u8>>,
    log: &mut RequestLog,
) -> Result<(Answer, Job<B>), Problem>
where
    B: http_body::Body<Data = Bytes, Error: Display> + Unpin,
{
    let Terms { admission, limits, .. } = terms;
    let known = Known { upload_bytes: body_bytes, contents: None };
    let share = order.share(*limits, admission.figures().budget, known)?;
    let busy = {
        let (order, limits) = (order.clone(), *limits);
        move |figures| Problem::from(share.busy(&order, limits, figures, known))
    };
    let mut job = Exchange::new(order, share, upload, body_bytes, terms.clone()).map_err(&busy)?;
    if let Some(last_words) = last_words {
        job = job.with_last_words(last_words);
    }
    match job.begin(log).await {
        Ok(answer) => Ok((answer, job)),
        Err(Failure::Busy(figures)) => Err(busy(figures)),
        Err(failure) => Err(Problem::from(failure).with_hint(&head.headers)),
    }
}
