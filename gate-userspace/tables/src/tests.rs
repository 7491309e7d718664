use super::*;

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn a_typed_parameter_is_canonical() {
    let orders = pattern("/orders/{id:int}");
    assert_eq!(orders.matches("/orders/7"), Some(vec![("id", Value::Int(7))]));
    for path in [
        "/orders/07",
        "/orders/+7",
        "/orders/",
        "/orders",
        "/orders/7/",
        "/orders/7/x",
        "orders/7",
        "/orders/9223372036854775808",
    ] {
        assert_eq!(orders.matches(path), None, "{path}");
    }
}

#[test]
fn rest_takes_at_least_one_segment() {
    let files = pattern("/files/{*rest}");
    assert_eq!(files.matches("/files/a/b"), Some(vec![("rest", Value::Text("a/b".into()))]));
    assert_eq!(files.matches("/files"), None);
    assert_eq!(files.matches("/files/"), None);
    assert_eq!(pattern("/").matches("/"), Some(vec![]));
    assert_eq!(pattern("/").matches("/a"), None);
}

#[test]
fn patterns_that_could_mean_two_things_are_refused() {
    for text in [
        "",
        "orders",
        "/a//b",
        "/a/",
        "/{a",
        "/{a:float}",
        "/{*r}/x",
        "/{a}/{a}",
        "/%61",
        "/a b",
        "/..",
        "/{1}",
        "/a;b",
        "/a\\b",
    ] {
        assert!(PathPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn overlap_is_found_in_both_directions() {
    for (a, b, expected) in [
        ("/orders/{id:int}", "/orders/7", true),
        ("/orders/{id:int}", "/orders/new", false),
        ("/orders/{id}", "/orders/new", true),
        ("/orders", "/orders/{id}", false),
        ("/a/{*rest}", "/a/b/c", true),
        ("/a/{*rest}", "/a", false),
    ] {
        assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} {b}");
        assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} {a}");
    }
}
