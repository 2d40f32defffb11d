//! `GET /estimate`: the expected cost of a conversion, from the numbers in the query.

use http::request::Parts;
use recompress::Estimate;
use recompress_service::{Known, Share};

use crate::{
    given::{BadOption, Given, Place},
    options::Options,
    problem::Problem,
    settings::Settings,
};

/// The numbers in the query, with defaults for the optional ones.
const NUMBERS: [(&str, Option<u64>); 3] = [("zip_bytes", None), ("unpacked_bytes", None), ("members", Some(1))];

/// An estimate as JSON. `budget` is the memory of all requests together.
pub(crate) fn answer(head: &Parts, settings: &Settings, budget: u64) -> Result<String, BadOption> {
    let mut given = Given::by_head("", &head.headers)?;
    let mut numbers = NUMBERS.map(|_| None::<String>);
    for (option, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        let Some(index) = NUMBERS.iter().position(|(name, _)| *name == option) else {
            given.add(Place::Query, &option, value.into_owned())?;
            continue;
        };
        if let Some(first) = numbers[index].replace(value.clone().into_owned()) {
            return Err(BadOption::Twice { option: NUMBERS[index].0, first, second: value.into_owned() });
        }
    }
    given.expect_only(&["quality", "lgwin"])?;
    let number = |index: usize| {
        let (option, default) = NUMBERS[index];
        match &numbers[index] {
            Some(text) => whole_number(text).ok_or_else(|| {
                let (value, range) = (text.clone(), "a whole number".to_owned());
                BadOption::OutOfRange { option, value, range }
            }),
            None => default.ok_or(BadOption::Missing { option }),
        }
    };
    let (zip_bytes, unpacked_bytes, members) = (number(0)?, number(1)?, number(2)?);
    let Options { parameters, .. } = Options::read(&given, settings, None)?;
    let known = Known { upload_bytes: Some(zip_bytes), contents: None };
    let share = Share::of(parameters.expecting(Some(zip_bytes)), settings.limits, budget, known);
    let mut estimate = Estimate::new(parameters, settings.limits, zip_bytes, unpacked_bytes, members);
    match share {
        Ok(share) => estimate.memory_bytes = share.bytes,
        Err(refused) => estimate.refusal = Some(Problem::from(refused).code()),
    }
    Ok(format!("{estimate}\n"))
}

/// `parse` alone would accept `+9`.
fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
