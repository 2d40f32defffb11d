//! `GET /metrics`: counters of the requests that have ended, and the figures of `/health`, in Prometheus' text format 0.0.4.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Write},
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Map, Value};

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The counters of this process. Routes, outcomes and statuses are words and numbers of ours, so there are few.
static COUNTERS: Mutex<Counters> = Mutex::new(Counters { requests: BTreeMap::new(), routes: BTreeMap::new() });

#[derive(Debug, Default, PartialEq)]
struct Counters {
    /// By route, outcome and status.
    requests: BTreeMap<(String, String, String), u64>,
    routes: BTreeMap<String, Route>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Route {
    received: u64,
    sent: u64,
    work_ns: u64,
}

/// A line of the log, as far as it is counted.
#[derive(Deserialize)]
struct Line {
    route: String,
    outcome: String,
    status: Option<u16>,
    bytes_in: u64,
    bytes_out: u64,
    work_ns: u64,
}

/// Counts the request of a line of the log.
pub fn count(line: &str) {
    if let Ok(line) = serde_json::from_str(line) {
        COUNTERS.lock().unwrap_or_else(PoisonError::into_inner).count(line);
    }
}

/// The text. `health` is the answer of `/health`: each of its numbers is a gauge.
pub fn text(health: &[u8]) -> String {
    let gauges: Map<String, Value> = serde_json::from_slice(health).unwrap_or_default();
    let counters = COUNTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = String::new();
    counters.write(&mut text).and_then(|()| write_gauges(&gauges, &mut text)).expect("a string has room");
    text
}

impl Counters {
    fn count(&mut self, Line { route, outcome, status, bytes_in, bytes_out, work_ns }: Line) {
        let of_route = self.routes.entry(route.clone()).or_default();
        of_route.received += bytes_in;
        of_route.sent += bytes_out;
        of_route.work_ns += work_ns;
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        *self.requests.entry((route, outcome, status)).or_default() += 1;
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        head(text, "recompress_requests_total", "counter", "Requests that have ended.")?;
        for ((route, outcome, status), count) in &self.requests {
            let labels = format_args!(r#"route="{route}",outcome="{outcome}",status="{status}""#);
            writeln!(text, "recompress_requests_total{{{labels}}} {count}")?;
        }
        let mut of_routes = |name: &str, help, value: fn(&Route) -> f64| {
            head(text, name, "counter", help)?;
            self.routes
                .iter()
                .try_for_each(|(route, figures)| writeln!(text, r#"{name}{{route="{route}"}} {}"#, value(figures)))
        };
        of_routes("recompress_received_bytes_total", "Bytes of archives received.", |route| route.received as f64)?;
        of_routes("recompress_sent_bytes_total", "Bytes of answers sent.", |route| route.sent as f64)?;
        of_routes("recompress_work_seconds_total", "CPU time, counted from the work done.", |route| {
            route.work_ns as f64 / 1e9
        })
    }
}

fn write_gauges(gauges: &Map<String, Value>, text: &mut String) -> fmt::Result {
    for (name, value) in gauges {
        if let Some(number) = value.as_u64() {
            let name = format!("recompress_{name}");
            head(text, &name, "gauge", "As in /health.")?;
            writeln!(text, "{name} {number}")?;
        }
    }
    Ok(())
}

fn head(text: &mut String, name: &str, kind: &str, help: impl Display) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_add_up() {
        let mut counters = Counters::default();
        for line in [
            r#"{"route":"convert","status":200,"outcome":"ok","bytes_in":10,"bytes_out":5,"work_ns":1500000000}"#,
            r#"{"route":"convert","status":200,"outcome":"ok","bytes_in":10,"bytes_out":5,"work_ns":500000000}"#,
            r#"{"route":"inspect","status":null,"outcome":"client_left","bytes_in":3,"bytes_out":0,"work_ns":0}"#,
        ] {
            counters.count(serde_json::from_str(line).unwrap());
        }
        let mut text = String::new();
        counters.write(&mut text).unwrap();
        for line in [
            "# TYPE recompress_requests_total counter",
            r#"recompress_requests_total{route="convert",outcome="ok",status="200"} 2"#,
            r#"recompress_requests_total{route="inspect",outcome="client_left",status="none"} 1"#,
            r#"recompress_received_bytes_total{route="convert"} 20"#,
            r#"recompress_sent_bytes_total{route="convert"} 10"#,
            r#"recompress_work_seconds_total{route="convert"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
        }
    }

    #[test]
    fn every_number_of_health_is_a_gauge() {
        let health = serde_json::from_str(r#"{"status":"ok","active":2}"#).unwrap();
        let mut text = String::new();
        write_gauges(&health, &mut text).unwrap();
        assert_eq!(
            text,
            "# HELP recompress_active As in /health.\n# TYPE recompress_active gauge\nrecompress_active 2\n"
        );
    }
}
