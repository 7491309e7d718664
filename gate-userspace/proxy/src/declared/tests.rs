use super::*;
use crate::head::parse;
use gate_tables::ParameterKind::{self, Int, Text};

fn fields(names: &[(&str, ParameterKind)]) -> Vec<Field> {
    names.iter().map(|(name, kind)| Field { name: (*name).into(), kind: *kind }).collect()
}

fn read(target: &str, lines: &str) -> Result<Declared, Refusal> {
    let head = parse(format!("GET {target} HTTP/1.1\r\nHost: o\r\n{lines}\r\n").as_bytes())?;
    let headers = fields(&[("x-count", Int), ("x-tenant", Text)]);
    let query = fields(&[("limit", Int), ("page_size", Int), ("tenant", Text)]);
    Declared::read(&headers, &query, &head)
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn what_is_declared_is_read_once_and_of_its_type() {
    let nothing = Declared::default();
    assert_eq!(read("/", "").unwrap(), nothing);
    let target = "/?tenant=caf%C3%A9+a%2Bb&other=%ff&limit=%31%30";
    let found = read(target, "X-TENANT: \ta b \r\nx-count:-7\r\n").unwrap();
    assert_eq!(found.headers, [("x-count".into(), Value::Int(-7)), ("x-tenant".into(), text("a b"))]);
    assert_eq!(found.query, [("limit".into(), Value::Int(10)), ("tenant".into(), text("café a+b"))]);
}

#[test]
fn what_is_not_declared_passes_unread() {
    let other = "/?a&b=;c&d[]=1&limits=1&limit.max=2&%ff=3&a=limit&x=%26limit%3D5&=&&redirect=/?limit%3D5";
    let lines = "X-Tenants: a\r\nTenant: b\r\nX-Other: a, b\r\nx-other: \u{e9}\r\nConnection: close, x-other\r\n";
    assert_eq!(read(other, lines).unwrap(), Declared::default());
    let head = parse(b"GET /?limit=x&limit=y HTTP/1.1\r\nHost: o\r\nx-tenant: a\r\nx-tenant: b\r\n\r\n").unwrap();
    assert_eq!(Declared::read(&[], &[], &head).unwrap(), Declared::default(), "of a route that declares nothing");
}

#[test]
fn a_declared_header_that_two_could_read_in_two_ways_is_malformed() {
    for lines in [
        "x-tenant: a\r\nx-tenant: b",
        "x-tenant: a\r\nX-TENANT: a",
        "x-tenant: a, b",
        "x-tenant: a,",
        "x-tenant:",
        "x-tenant: \t",
        "x-tenant: \u{e9}",
        "x-tenant: a\tb",
        "x_tenant: a",
        "X.Tenant: a",
        "x-tenant: a\r\nx_tenant: b",
        "x-tenant: a\r\nConnection: x-tenant",
        "Connection: close , X-Tenant\r\nx-tenant: a",
        "Connection: x_tenant",
        "x-count: 07",
        "x-count: +7",
        "x-count: 7.0",
        "x-count: 99999999999999999999",
        "x-count: seven",
    ] {
        let refusal = read("/", &format!("{lines}\r\n")).expect_err(lines);
        assert_eq!(refusal.status.as_u16(), 400, "{lines}: {refusal}");
    }
    let long = format!("x-tenant: {}\r\n", "a".repeat(MAX_VALUE + 1));
    assert!(read("/", &long).unwrap_err().why.contains("longer"));
    assert!(read("/", &long.replacen("aa", "a", 1)).is_ok());
}

#[test]
fn a_declared_parameter_that_two_could_read_in_two_ways_is_malformed() {
    for query in [
        // Twice.
        "limit=1&limit=1",
        "limit=1&a=b&limit=2",
        "limit=1&%6Cimit=2",
        "limit=1&limit",
        // Spelt otherwise.
        "Limit=1",
        "LIMIT=1&limit=1",
        "%4cimit=1",
        "limit[]=1",
        "limit%5B%5D=1",
        "limit[a]=1&limit=2",
        "limit%00x=1",
        "%00limit=1",
        "li%00mit=1",
        "+limit=1",
        "limit%20=1",
        "%EF%BB%BFlimit=1",
        "limit%ff=1",
        "l%ffimit=1",
        "%256cimit=1",
        "%25256cimit=1",
        "l%C4%B1mit=1",
        "page.size=1",
        "page+size=1",
        "page%5Bsize=1&page_size=1",
        "page-size=1",
        "?limit=1",
        // Where others split.
        "a;limit=1",
        "a=b;limit=1",
        "a=b;c;%6Cimit",
        "&amp;limit=1",
        "limit=1;a=b",
        "limit=1;",
        "limit;=1",
        "a%26limit=1",
        "a%3Blimit%3D2=1",
        // Values.
        "limit",
        "limit=",
        "limit=1=2",
        "limit=01",
        "limit=+1",
        "limit=1%00",
        "limit=%ff",
        "tenant=",
        "tenant=a%0d%0ab",
        "tenant=a%00",
        "tenant=%C3",
        "tenant=%C2%85",
        "tenant=a&tenant=a",
    ] {
        let found = read(&format!("/?{query}"), "");
        assert_eq!(found.expect_err(query).status.as_u16(), 400, "{query}");
    }
}

#[test]
fn a_fragment_never_hides_a_parameter() {
    assert!(read("/?a=1#&limit=1", "").is_err());
    assert!(read("/#?limit=1", "").is_err());
    assert_eq!(read("http://o?limit=5", "").unwrap().query, [("limit".into(), Value::Int(5))]);
}
