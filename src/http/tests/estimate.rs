//! What a conversion would come to.

use super::*;

fn estimate(query: &str) -> serde_json::Value {
    let response = answer("GET", &format!("/estimate?{query}"), &[], Upload::default());
    assert_eq!(response.status(), StatusCode::OK, "{query}");
    assert_eq!(response.headers()["content-type"], "application/json");
    json(response)
}

#[test]
fn an_estimate_is_told_for_numbers() {
    let found = estimate("zip_bytes=7362225&unpacked_bytes=49853378&members=3&quality=9&lgwin=22");
    assert_eq!((&found["quality"], &found["lgwin"]), (&9.into(), &22.into()));
    assert_eq!(found["memory_bytes"], share(9, 22, Some(7_362_225)));
    assert_eq!(found["refusal"], serde_json::Value::Null);
    let number = |name: &str| found[name].as_u64().unwrap_or_else(|| panic!("{name}: {found}"));
    // What it really comes to is 5.5 MB and some 10 s.
    assert!((3_000_000..7_362_225).contains(&number("output_bytes")), "{found}");
    assert!((2_000..25_000).contains(&number("cpu_ms")), "{found}");
}

#[test]
fn what_would_be_refused_is_told_with_its_code() {
    for (query, code) in [
        ("zip_bytes=1000000000&unpacked_bytes=3000000000", "cpu_budget"),
        ("zip_bytes=1000&unpacked_bytes=100000000", "ratio_limit"),
        ("zip_bytes=1000000&unpacked_bytes=5000000&quality=11&lgwin=24", "too_much_memory"),
    ] {
        assert_eq!(estimate(query)["refusal"], code, "{query}");
    }
    assert_ne!(estimate("zip_bytes=1000000000&unpacked_bytes=3000000000&quality=auto")["quality"], 9);
}

#[test]
fn numbers_that_are_missing_or_wrong_are_a_400() {
    for (query, detail) in [
        ("", "zip_bytes is missing"),
        ("zip_bytes=1", "unpacked_bytes is missing"),
        ("zip_bytes=-1&unpacked_bytes=1", r#"zip_bytes is "-1", it must be a whole number"#),
        ("zip_bytes=1&unpacked_bytes=1e6", r#"unpacked_bytes is "1e6", it must be a whole number"#),
        ("zip_bytes=1&unpacked_bytes=", r#"unpacked_bytes is "", it must be a whole number"#),
        ("zip_bytes=1&unpacked_bytes=1&members=x", r#"members is "x", it must be a whole number"#),
        ("zip_bytes=1&zip_bytes=2", r#"zip_bytes is given twice, as "1" and as "2""#),
        ("zip_bytes=1&unpacked_bytes=1&quality=12", r#"quality is "12", it must be 0 to 11 or auto"#),
        ("zip_bytes=1&unpacked_bytes=1&report=1", "report is not an option of this route"),
    ] {
        let refused = answer("GET", &format!("/estimate?{query}"), &[], Upload::default());
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
        let problem = json(refused);
        assert_eq!((&problem["code"], &problem["detail"]), (&"bad_option".into(), &detail.into()), "{query}");
    }
}
