//! The corpus: from RFC 9110, RFC 9112, RFC 3986 and the published ways of smuggling requests and confusing paths.

/// A request and its one answer.
pub struct Row {
    pub name: &'static str,
    pub request: &'static [u8],
    /// `method target body-size`, or the status of the refusal.
    pub expected: Result<&'static str, u16>,
}

const fn passes(name: &'static str, request: &'static str, expected: &'static str) -> Row {
    Row { name, request: request.as_bytes(), expected: Ok(expected) }
}

const fn refused(name: &'static str, request: &'static str, status: u16) -> Row {
    Row { name, request: request.as_bytes(), expected: Err(status) }
}

const fn raw(name: &'static str, request: &'static [u8], status: u16) -> Row {
    Row { name, request, expected: Err(status) }
}

pub const CORPUS: &[Row] = &[
    // What must pass.
    passes("plain", "GET /a HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a 0"),
    passes("query", "GET /a?b=/../%2e HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a?b=/../%2e 0"),
    passes("empty query", "GET /a? HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a? 0"),
    passes("unreserved encoded", "GET /%61%2D HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a- 0"),
    passes("lower-case hexadecimal", "GET /%c3%a9 HTTP/1.1\r\nHost: o\r\n\r\n", "GET /%C3%A9 0"),
    passes("absolute form", "GET http://o/a HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a 0"),
    passes("body", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\n\r\nabc", "POST /a 3"),
    passes("body of a GET", "GET /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\n\r\nabc", "GET /a 3"),
    passes("empty body", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 0\r\n\r\n", "POST /a 0"),
    passes(
        "chunks",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
        "POST /a 4",
    ),
    passes("IPv6 host", "GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /a 0"),
    passes("expect", "POST /a HTTP/1.1\r\nHost: o\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", "POST /a 0"),
    passes("unknown method", "PURGE /a HTTP/1.1\r\nHost: o\r\n\r\n", "PURGE /a 0"),
    passes("trailing dot in a segment", "GET /a. HTTP/1.1\r\nHost: o\r\n\r\n", "GET /a. 0"),
    passes(
        "a request inside a body",
        "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r",
        "POST /a 18",
    ),
    // The request line.
    refused("HTTP/0.9", "GET /a\r\n\r\n", 400),
    refused("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused("HTTP/1.2", "GET /a HTTP/1.2\r\nHost: o\r\n\r\n", 505),
    refused("HTTP/1.10", "GET /a HTTP/1.10\r\nHost: o\r\n\r\n", 400),
    refused("lower-case version", "GET /a http/1.1\r\nHost: o\r\n\r\n", 400),
    refused("two spaces", "GET  /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("tab as a separator", "GET\t/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("space behind the version", "GET /a HTTP/1.1 \r\nHost: o\r\n\r\n", 400),
    refused("space before the method", " GET /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("space in the target", "GET /a b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("lower-case method", "get /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("method with a colon", "GE:T /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("very long method", "GETGETGETGETGETGET /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("empty line first", "\r\nGET /a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("no target", "GET HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    raw("binary", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    raw("NUL in the target", b"GET /a\0b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    // CONNECT, TRACE, Upgrade (p44).
    refused("CONNECT", "CONNECT o:80 HTTP/1.1\r\nHost: o:80\r\n\r\n", 501),
    refused("CONNECT without a path", "CONNECT / HTTP/1.1\r\nHost: o\r\n\r\n", 501),
    refused("TRACE", "TRACE /a HTTP/1.1\r\nHost: o\r\n\r\n", 501),
    refused("Upgrade", "GET /a HTTP/1.1\r\nHost: o\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 501),
    refused("Upgrade without Connection", "GET /a HTTP/1.1\r\nHost: o\r\nUpgrade: h2c\r\n\r\n", 501),
    refused("Connection: Upgrade alone", "GET /a HTTP/1.1\r\nHost: o\r\nConnection: Upgrade\r\n\r\n", 501),
    refused("h2c settings", "GET /a HTTP/1.1\r\nHost: o\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 501),
    // Host (p41).
    refused("no Host", "GET /a HTTP/1.1\r\nAccept: */*\r\n\r\n", 400),
    refused("no Host in HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", 400),
    refused("two Hosts", "GET /a HTTP/1.1\r\nHost: o\r\nHost: o\r\n\r\n", 400),
    refused("two Hosts in other case", "GET /a HTTP/1.1\r\nHost: o\r\nhOST: evil\r\n\r\n", 400),
    refused("empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400),
    refused("Host with a path", "GET /a HTTP/1.1\r\nHost: o/x\r\n\r\n", 400),
    refused("Host with a user", "GET /a HTTP/1.1\r\nHost: u@o\r\n\r\n", 400),
    refused("list of Hosts", "GET /a HTTP/1.1\r\nHost: o, evil\r\n\r\n", 400),
    refused("Host with a bad port", "GET /a HTTP/1.1\r\nHost: o:99999\r\n\r\n", 400),
    refused("Host with an empty port", "GET /a HTTP/1.1\r\nHost: o:\r\n\r\n", 400),
    refused("Host with half an IPv6 address", "GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    refused("Host with an encoding", "GET /a HTTP/1.1\r\nHost: o%2e\r\n\r\n", 400),
    // The form of the target.
    refused("other authority", "GET http://evil/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("other port", "GET http://o:81/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("user in the authority", "GET http://o@evil/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("other scheme", "GET ftp://o/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("https", "GET https://o/a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("asterisk", "OPTIONS * HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("authority form", "GET o:80 HTTP/1.1\r\nHost: o:80\r\n\r\n", 400),
    refused("fragment", "GET /a#b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("quote in the query", "GET /a?\" HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("incomplete encoding in the query", "GET /a?%2 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    raw("UTF-8 in the query", b"GET /a?\xc3\xa9 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    // Paths (p40).
    refused("dot segment", "GET /./a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("double dot", "GET /a/../b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("encoded double dot", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("half-encoded double dot", "GET /a/.%2E/b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("double dot with a parameter", "GET /a/..;/b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("doubly encoded", "GET /a/%252e%252e/b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("double slash", "GET //a HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("double slash inside", "GET /a//b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("trailing slash", "GET /a/ HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("encoded slash", "GET /a%2fb HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("backslash", "GET /a\\b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("encoded backslash", "GET /a%5cb HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("path parameter", "GET /a;b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("encoded NUL", "GET /a%00 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("encoded CRLF", "GET /a%0d%0aX:y HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("overlong slash", "GET /a%c0%afb HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("overlong dots", "GET /a/%c0%ae%c0%ae/b HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("surrogate", "GET /%ed%a0%80 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("UTF-16 escape", "GET /a%u002fb HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    refused("incomplete encoding", "GET /a%2 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    raw("plain UTF-8", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: o\r\n\r\n", 400),
    // Lines and fields (p42).
    refused("bare LF", "GET /a HTTP/1.1\nHost: o\n\n", 400),
    refused("bare LF behind a field", "GET /a HTTP/1.1\r\nHost: o\nX: y\r\n\r\n", 400),
    refused("bare CR in a field", "GET /a HTTP/1.1\r\nHost: o\r\nX: a\rb\r\n\r\n", 400),
    refused("CR CR LF", "GET /a HTTP/1.1\r\nHost: o\r\r\n\r\n", 400),
    refused("folded field", "GET /a HTTP/1.1\r\nHost: o\r\nX: a\r\n b\r\n\r\n", 400),
    refused("folded first field", "GET /a HTTP/1.1\r\n Host: o\r\n\r\n", 400),
    refused("space before the colon", "GET /a HTTP/1.1\r\nHost : o\r\n\r\n", 400),
    refused("no colon", "GET /a HTTP/1.1\r\nHost: o\r\nX\r\n\r\n", 400),
    refused("empty name", "GET /a HTTP/1.1\r\nHost: o\r\n: x\r\n\r\n", 400),
    raw("NUL in a value", b"GET /a HTTP/1.1\r\nHost: o\r\nX: a\0b\r\n\r\n", 400),
    raw("NUL in a name", b"GET /a HTTP/1.1\r\nHost: o\r\nX\0: a\r\n\r\n", 400),
    raw(
        "vertical tab around chunked",
        b"POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused("two Authorizations", "GET /a HTTP/1.1\r\nHost: o\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400),
    refused("two Content-Types", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Type: a/b\r\ncontent-type: c/d\r\n\r\n", 400),
    refused(
        "Connection takes Authorization away",
        "GET /a HTTP/1.1\r\nHost: o\r\nConnection: Authorization\r\n\r\n",
        400,
    ),
    refused("Connection takes Host away", "GET /a HTTP/1.1\r\nHost: o\r\nConnection: close, host\r\n\r\n", 400),
    refused("other method by a field", "POST /a HTTP/1.1\r\nHost: o\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", 400),
    refused(
        "other method with underscores",
        "POST /a HTTP/1.1\r\nHost: o\r\nX_HTTP_Method_Override: DELETE\r\n\r\n",
        400,
    ),
    refused("other path by a field", "GET /a HTTP/1.1\r\nHost: o\r\nX-Original-URL: /admin\r\n\r\n", 400),
    refused("unknown expectation", "POST /a HTTP/1.1\r\nHost: o\r\nExpect: 200-ok\r\n\r\n", 417),
    // Content-Length and Transfer-Encoding (p42).
    refused(
        "both",
        "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "both, other order",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused("two lengths", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    refused(
        "two equal lengths",
        "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        400,
    ),
    refused("list of lengths", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
    refused("signed length", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: +3\r\n\r\nabc", 400),
    refused("negative length", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: -1\r\n\r\n", 400),
    refused("hexadecimal length", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 0x3\r\n\r\nabc", 400),
    refused("empty length", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length:\r\n\r\n", 400),
    refused("huge length", "POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    refused("length with an underscore", "POST /a HTTP/1.1\r\nHost: o\r\nContent_Length: 3\r\n\r\nabc", 400),
    refused("identity", "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: identity\r\n\r\n", 400),
    refused("gzip, chunked", "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    refused(
        "chunked twice",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "two Transfer-Encodings",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused("xchunked", "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    refused("quoted chunked", "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    refused(
        "space before the colon of TE",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    refused("chunked in HTTP/1.0", "POST /a HTTP/1.0\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    // Chunks (p42): the head is fine, the body is not.
    refused(
        "chunk extension",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "space behind a size",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "bare LF behind a size",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "hexadecimal prefix",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        400,
    ),
    refused(
        "oversized chunk",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        400,
    ),
    refused(
        "chunk longer than its size",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        400,
    ),
    refused("trailer", "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 400),
    refused(
        "trailer that delimits",
        "POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
        400,
    ),
];
