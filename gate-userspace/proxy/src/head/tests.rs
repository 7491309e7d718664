use super::*;

fn read(head: &str) -> Result<Head, Refusal> {
    match scan(head.as_bytes(), 0) {
        Scan::Complete(end) => parse(&head.as_bytes()[..end]),
        Scan::Refused(refusal) => Err(refusal),
        Scan::Partial(_) => panic!("{head:?} is not complete"),
    }
}

#[test]
fn a_head_has_one_meaning() {
    let head = read("GET /orders/%37?a=b%20c HTTP/1.1\r\nHost: orders:8080\r\n\r\n").unwrap();
    assert_eq!(head.method, Method::GET);
    assert_eq!(head.target.path(), "/orders/7");
    assert_eq!(head.target.as_str(), "/orders/7?a=b%20c");
    assert_eq!(head.framing, Framing::None);
}

#[test]
fn the_absolute_form_is_the_same_request() {
    for target in ["http://orders/7?x", "HTTP://ORDERS/7?x"] {
        let head = read(&format!("GET {target} HTTP/1.1\r\nHost: orders\r\n\r\n")).unwrap();
        assert_eq!(head.target.as_str(), "/7?x");
    }
    assert_eq!(read("GET http://o HTTP/1.1\r\nHost: o\r\n\r\n").unwrap().target.as_str(), "/");
    assert_eq!(read("GET http://o?x HTTP/1.1\r\nHost: o\r\n\r\n").unwrap().target.as_str(), "/?x");
}

#[test]
fn framing_is_read_once() {
    for (fields, expected) in [
        ("", Framing::None),
        ("Content-Length: 0\r\n", Framing::None),
        ("content-length:7\r\n", Framing::Length(7)),
        ("Content-Length: 007 \r\n", Framing::Length(7)),
        ("Transfer-Encoding: CHUNKED\r\n", Framing::Chunked),
    ] {
        let head = read(&format!("POST / HTTP/1.1\r\nHost: o\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.framing, expected, "{fields}");
    }
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let text = b"GET / HTTP/1.1\r\nHost: o\r\n\r\nGET";
    let mut from = 0;
    for length in 1..text.len() {
        match scan(&text[..length], from) {
            Scan::Partial(next) => from = next,
            Scan::Complete(end) => {
                assert_eq!((end, length), (27, 27));
                return;
            }
            Scan::Refused(refusal) => panic!("{refusal}"),
        }
    }
    panic!("the end was not found");
}

#[test]
fn too_much_is_refused_before_it_is_complete() {
    let status = |bytes: &[u8]| match scan(bytes, 0) {
        Scan::Refused(refusal) => refusal.status.as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(&[b'a'; limits::HEAD]), 414);
    let mut fields = b"GET / HTTP/1.1\r\n".to_vec();
    fields.resize(limits::HEAD, b'a');
    assert_eq!(status(&fields), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: o\r\n{}\r\n", "a: b\r\n".repeat(limits::FIELDS));
    assert_eq!(read(&many).unwrap_err().status.as_u16(), 431);
    let long = format!("GET /{} HTTP/1.1\r\nHost: o\r\n\r\n", "a".repeat(limits::TARGET));
    assert_eq!(read(&long).unwrap_err().status.as_u16(), 414);
}

#[test]
fn what_is_shown_of_a_request_cannot_harm_a_reader() {
    assert_eq!(describe(b"GET /a HTTP/1.1\r\nHost: o\r\n\r\n"), "GET /a");
    assert_eq!(describe(b"\x1b[2J\xff\n"), "\\x1b[2J\\xff");
    assert_eq!(describe(&[b'a'; 9_999]).len(), limits::RECORDED);
}

#[test]
fn a_host_has_one_spelling() {
    for (field, expected) in [
        ("orders", "orders"),
        ("API.Shop.Example:8080", "api.shop.example"),
        ("api.shop.example.", "api.shop.example"),
        ("api.shop.example.:80", "api.shop.example"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[0:0::1]:80", "[::1]"),
        ("[::FFFF:1.2.3.4]", "[::ffff:1.2.3.4]"),
    ] {
        assert_eq!(read(&format!("GET / HTTP/1.1\r\nHost: {field}\r\n\r\n")).unwrap().host, expected);
        let absolute = format!("GET http://{field}/ HTTP/1.1\r\nhost: {field}\r\n\r\n");
        assert_eq!(read(&absolute).unwrap().host, expected);
    }
    for fields in [
        "",
        "Host:\r\n",
        "Host: .\r\n",
        "Host: a..\r\n",
        "Host: .a\r\n",
        "Host: a..b\r\n",
        "Host: a b\r\n",
        "Host: a,b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a%2eb\r\n",
        "Host: a#b\r\n",
        "Host: a:b\r\n",
        "Host: a:\r\n",
        "Host: a:0\r\n",
        "Host: a:80:80\r\n",
        "Host: [::1\r\n",
        "Host: [::1]a\r\n",
        "Host: [fe80::1%25lo]\r\n",
        "Host: \u{e9}.example\r\n",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host: a\r\n Host: b\r\n",
        "Host: a\r\nH_ost: b\r\nHost : c\r\n",
    ] {
        let found = read(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert_eq!(found.expect_err(fields).status.as_u16(), 400, "{fields:?}");
    }
    for target in ["http://b/", "http://a:80/", "http://a./", "http://u@a/", "http:///", "//a/"] {
        assert!(read(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).is_err(), "{target}");
    }
}
