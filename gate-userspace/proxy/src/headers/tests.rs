use super::*;

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let client = ClientFields::new("[::1]:5".parse().unwrap(), "web");
    prepare_request(&mut map, &client, &HeaderValue::from_static("id"));
    map
}

#[test]
fn a_client_cannot_say_who_it_is() {
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded",
        "x-forwarded-client-cert",
        "x-gate-source",
        "x_gate_source",
        "x-request-id",
        "x-real-ip",
        "x-client-cert",
        "true-client-ip",
        "x-original-forwarded-for",
    ] {
        let map = request(&[(name, "forged"), (name, "again"), ("accept", "*/*")]);
        assert!(map.values().all(|value| value != "forged" && value != "again"), "{name}");
        assert_eq!(map["accept"], "*/*");
    }
}

#[test]
fn the_proxy_says_it() {
    let map = request(&[]);
    assert_eq!(map["forwarded"], "for=\"[::1]:5\";proto=http");
    assert_eq!(map["x-gate-source"], "web");
    assert_eq!(map["x-request-id"], "id");
    assert_eq!(map["via"], "1.1 gate");
}

#[test]
fn a_client_of_no_service_has_no_name() {
    let mut map = fields(&[("x-gate-source", "web")]);
    let client = ClientFields::new("127.0.0.1:5".parse().unwrap(), "");
    prepare_request(&mut map, &client, &HeaderValue::from_static("id"));
    assert!(!map.contains_key("x-gate-source"));
}

#[test]
fn fields_of_one_hop_stay_on_it() {
    let map = request(&[
        ("connection", "keep-alive, X-Mine"),
        ("connection", "x-other"),
        ("keep-alive", "5"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "secret"),
        ("x-mine", "1"),
        ("x-other", "1"),
        ("expect", "100-continue"),
        ("authorization", "kept"),
        ("cookie", "a=b"),
        ("content-length", "3"),
        ("host", "orders"),
    ]);
    let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let expected =
        ["authorization", "content-length", "cookie", "forwarded", "host", "via", "x-gate-source", "x-request-id"];
    assert_eq!(names, expected);
}

#[test]
fn a_response_loses_the_fields_of_its_hop() {
    let mut map = fields(&[
        ("connection", "close, x-secret, content-length"),
        ("x-secret", "1"),
        ("x-gate-source", "forged"),
        ("content-length", "3"),
        ("x-request-id", "backend's"),
        ("server", "nginx"),
    ]);
    prepare_response(&mut map, &HeaderValue::from_static("id"));
    assert_eq!(map["x-request-id"], "id");
    assert_eq!(map["server"], "nginx");
    assert_eq!(map["content-length"], "3");
    assert_eq!(map.len(), 3);
}
