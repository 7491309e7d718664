use super::*;

const RULE: &str = "// Why it is there.\n@id(\"a\") @reason(\"r // no comment\")\n@ticket(\"t\")\npermit(principal==Service::\"web\",\n  \
                    action in Action::\"orders:read\", resource == Service::\"orders\") when{context.now>1 /* no comment in \
                    Cedar */};\n";

#[test]
fn comments_and_annotations_stay() {
    let text = RULE.replace("/* no comment in Cedar */", "");
    let formatted = format(&format!("{text}// At the end: \"quoted\".\n")).unwrap();
    for part in ["// Why it is there.", "@reason(\"r // no comment\")", "context.now > 1", "// At the end: \"quoted\"."]
    {
        assert!(formatted.contains(part), "{part} is not in\n{formatted}");
    }
    assert_eq!(format(&formatted).unwrap(), formatted, "a formatted text is formatted");
}

#[test]
fn what_does_not_parse_is_left() {
    assert!(format(RULE).unwrap_err().starts_with("does not parse: "));
    assert!(format("permit(principal == ?principal, action, resource);").unwrap_err().contains("a template"));
}

#[test]
fn nothing_but_comments_stays_as_it_is() {
    for text in ["", "\n\n", "// Nothing is permitted.\n"] {
        assert_eq!(format(text).unwrap(), text);
    }
}

#[test]
fn comments_are_told_from_strings() {
    let text = "// one\n\"a // b \\\" // c\" // two\n'// three\n\"\\\\\" // four";
    assert_eq!(comments(text), ["// one", "// two", "// three", "// four"]);
}

#[test]
fn a_text_that_lost_something_is_not_written() {
    let before = "// one\n@id(\"a\")\npermit (principal, action, resource) when { context.now > 1 }; // two\n";
    assert_eq!(lossless(before, &before.replace(" (", "(")), Ok(()));
    let lost = |from: &str, to: &str| lossless(before, &before.replace(from, to)).unwrap_err();
    assert!(lost("// two", "").contains("a comment"));
    assert!(lost("// one", "// eins").contains("a comment"));
    for (from, to) in
        [("> 1", "> 2"), ("@id(\"a\")", ""), ("permit", "forbid"), ("};", "}; permit (principal, action, resource);")]
    {
        assert!(lost(from, to).contains("would be other rules"), "{from}");
    }
}
