use super::*;

#[test]
fn every_path_has_one_spelling() {
    for (raw, expected) in [
        ("/", "/"),
        ("/orders/7", "/orders/7"),
        ("/%6Frders/%37", "/orders/7"),
        ("/%6frders", "/orders"),
        ("/Orders", "/Orders"),
        ("/a%2Db%2Ec%5Fd%7Ee", "/a-b.c_d~e"),
        ("/user%40example.com", "/user@example.com"),
        ("/a%3ab", "/a:b"),
        ("/a%2Bb", "/a+b"),
        ("/a%20b", "/a%20b"),
        ("/a%22b%3c%3E", "/a%22b%3C%3E"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/%f0%9f%8d%80x", "/%F0%9F%8D%80x"),
        ("/a.b/.c/d.", "/a.b/.c/d."),
        ("/a*b", "/a*b"),
    ] {
        assert_eq!(normalize(raw.as_bytes()).as_deref(), Ok(expected), "{raw}");
        assert_eq!(normalize(expected.as_bytes()).as_deref(), Ok(expected), "{expected} is its own spelling");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    use PathError::*;
    for (raw, expected) in [
        ("", Relative),
        ("orders", Relative),
        ("*", Relative),
        ("\\orders", Relative),
        ("//", EmptySegment),
        ("//orders", EmptySegment),
        ("/orders//7", EmptySegment),
        ("/orders/", EmptySegment),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/...", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/%2e%2E/b", DotSegment),
        ("/a/.%2e", DotSegment),
        ("/a%2fb", Ambiguous(b'/')),
        ("/a%2Fb", Ambiguous(b'/')),
        ("/a%5Cb", Ambiguous(b'\\')),
        ("/a\\b", Illegal(b'\\')),
        ("/a%00", Ambiguous(0)),
        ("/a%0d%0ab", Ambiguous(b'\r')),
        ("/a%7f", Ambiguous(0x7f)),
        ("/a%252e", Ambiguous(b'%')),
        ("/a%3Fb", Ambiguous(b'?')),
        ("/a%23b", Ambiguous(b'#')),
        ("/a;b=c", PathParameter),
        ("/a%3bb", PathParameter),
        ("/a/..;/b", PathParameter),
        ("/a%", Incomplete),
        ("/a%2", Incomplete),
        ("/a%2g", Incomplete),
        ("/a%u002f", Incomplete),
        ("/%c0%af", NotUtf8),
        ("/%c0%ae%c0%ae", NotUtf8),
        ("/%e0%80%af", NotUtf8),
        ("/%ed%a0%80", NotUtf8),
        ("/%ff", NotUtf8),
        ("/%c3x%a9", NotUtf8),
        ("/%c2%85", Ambiguous(0xc2)),
        ("/a b", Illegal(b' ')),
        ("/a\"", Illegal(b'"')),
        ("/a#b", Illegal(b'#')),
        ("/a?b", Illegal(b'?')),
        ("/a\tb", Illegal(b'\t')),
        ("/a{b}", Illegal(b'{')),
        ("/a|b", Illegal(b'|')),
        ("/a^b", Illegal(b'^')),
        ("/caf\u{e9}", Illegal(0xc3)),
    ] {
        assert_eq!(normalize(raw.as_bytes()), Err(expected), "{raw}");
    }
}

#[test]
fn the_spelling_decodes_in_one_way() {
    for (raw, text) in [("/caf%C3%A9", "/café"), ("/a%20b", "/a b"), ("/a+b", "/a+b"), ("/7", "/7")] {
        assert_eq!(decode(&normalize(raw.as_bytes()).unwrap()), text);
    }
}

proptest::proptest! {
    #[test]
    fn normalizing_twice_changes_nothing(raw in "/[ -~]{0,40}") {
        if let Ok(once) = normalize(raw.as_bytes()) {
            proptest::prop_assert_eq!(normalize(once.as_bytes()), Ok(once.clone()));
            proptest::prop_assert!(!once.contains("//") && !once.contains('\\') && !once.contains(';'));
        }
    }

    #[test]
    fn any_segment_comes_back_as_it_was(text in "[^/\\\\%;?#\u{0}-\u{1f}\u{7f}-\u{9f}]{1,20}") {
        proptest::prop_assume!(!text.chars().all(|c| c == '.'));
        let raw: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = normalize(format!("/{raw}").as_bytes()).unwrap();
        proptest::prop_assert_eq!(decode(&path), format!("/{text}"));
    }
}
