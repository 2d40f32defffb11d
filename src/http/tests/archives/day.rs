//! The bytes of a day: also what broken uploads took.

use recompress_service::store::bytes_of_day;

use super::*;

fn taken(site: &Site) -> u64 {
    block_on(bytes_of_day(&site.store, site.now / 86_400)).unwrap()
}

#[test]
fn broken_uploads_count_with_the_bytes_that_they_took() {
    let zip = archive(&[("a", &noise(30_000))]);
    let day = (3 * zip.len()).to_string();
    let length = zip.len().to_string();
    for headers in [&[("content-length", &*length)][..], &[]] {
        let site = Site::new(&[("RECOMPRESS_DAY_BYTES", &day)]);
        let put = |zip: &[u8]| site.code("PUT", "/archives/a", headers, whole(zip));
        let mut broken = zip.clone();
        // In the contents, where a checksum sees every bit.
        broken[1000] ^= 1;
        for number in 1..=3 {
            assert_eq!(put(&broken).0, 400);
            assert_eq!(taken(&site), (number * zip.len()) as u64);
        }
        let last = put(&zip);
        // Without a declared length it is taken as long as there is one byte left.
        assert_eq!(last, if headers.is_empty() { (201, String::new()) } else { refusal(429, "day_is_full") });
    }
}

#[test]
fn what_a_client_does_not_send_does_not_count() {
    let zip = archive(&[("a", &noise(30_000))]);
    let length = zip.len().to_string();
    let site = Site::new(&[("RECOMPRESS_DAY_BYTES", "1000000000")]);
    let put = |upload| site.code("PUT", "/archives/a", &[("content-length", &*length)], upload);
    let mut upload = whole(&zip[..1000]);
    upload.0.push_back(Event::Break);
    assert_eq!(put(upload).0, 400);
    assert_eq!(taken(&site), 1000);
    assert_eq!(put(Upload([Event::Break].into())).0, 400);
    assert_eq!(taken(&site), 1000);
    assert_eq!(put(whole(&zip)).0, 201);
    assert_eq!(put(whole(&zip)), refusal(412, "exists"));
    assert_eq!(taken(&site), 1000 + zip.len() as u64);
}

#[test]
fn an_upload_that_is_dropped_counts_in_steps() {
    let large = archive(&[("noise", &noise(17 << 20))]);
    for (sent, declared, counted) in [
        (100_000, Some(1_000_000), 1_000_000),
        (100_000, None, 16 << 20),
        (100_000, Some(40 << 20), 16 << 20),
        (large.len() - 1000, Some(20 << 20), 20 << 20),
        (large.len() - 1000, Some(40 << 20), 32 << 20),
    ] {
        let site = Site::new(&[("RECOMPRESS_DAY_BYTES", "1000000000")]);
        let mut upload = cut(&large[..sent], 64 << 10, &[]);
        upload.0.push_back(Event::Stall);
        let visit = Visit { storage: Some(site.storage()), over_rate: ready(false), id: String::new() };
        let declared = declared.map(|declared: u64| declared.to_string());
        let headers: Vec<_> = declared.iter().map(|declared| ("content-length", &**declared)).collect();
        let mut serving =
            Box::pin(site.service.serve(request("PUT", "/archives/a?quality=5", &headers, upload), visit));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        // Far enough for all of the upload that comes.
        for _ in 0..4000 {
            assert!(serving.as_mut().poll(&mut cx).is_pending());
        }
        drop(serving);
        assert_eq!(taken(&site), counted, "{sent} bytes of {declared:?}");
    }
}
