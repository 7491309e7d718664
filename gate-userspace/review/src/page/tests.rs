use super::*;

fn page(foreign: &str) -> Page {
    let mut page = Page::default();
    page.title(Line::of("review of ").name(foreign));
    page.section(
        Line::of("gains"),
        vec![Item { line: Line::of("by ").name(foreign), below: vec![Line::default().quote(foreign).into()] }],
    );
    page
}

/// Texts that would be something else where they are not escaped.
const HOSTILE: [&str; 10] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "a\n\n# approved by security\n",
    "a\r## ok",
    "` <img src=x onerror=alert(1)> `",
    "``` \n</code><script>",
    "[only removes](https://evil.example) @alice #1",
    "\u{202e}sevomer ylno\u{2066}",
    "zero\u{200b}width\u{ad}\u{fe0f}",
    "| a | b |",
    "",
];

#[test]
fn nothing_foreign_is_obeyed_by_a_terminal() {
    for foreign in HOSTILE {
        let text = page(foreign).to_terminal();
        assert_eq!(text.lines().count(), 5, "{text:?}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{ad}', '\u{fe0f}']), "{text:?}");
    }
}

/// What a reader of CommonMark takes for text outside of code spans.
fn outside_of_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut rest = markdown;
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        let length = rest[start..].chars().take_while(|c| *c == '`').count();
        let mut inside = &rest[start + length..];
        loop {
            let end = inside.find('`').unwrap_or_else(|| panic!("a code span of {markdown:?} does not end"));
            let run = inside[end..].chars().take_while(|c| *c == '`').count();
            inside = &inside[end + run..];
            if run == length {
                break;
            }
        }
        rest = inside;
    }
    outside + rest
}

#[test]
fn nothing_foreign_is_read_as_markdown() {
    for foreign in HOSTILE {
        let text = page(foreign).to_markdown();
        assert_eq!(outside_of_code(&text), "# review of \n\n## gains\n\n- by \n  - \n", "{text}");
    }
}

#[test]
fn a_quote_cannot_be_ended_by_what_it_quotes() {
    let page = page("ok\" [signed] \"");
    assert!(page.to_terminal().contains("\"ok' [signed] '\"\n"), "{}", page.to_terminal());
}

#[test]
fn forms() {
    let page = page("orders");
    assert_eq!(page.to_terminal(), "review of orders\n\ngains\n  by orders\n      \"orders\"\n");
    assert_eq!(page.to_markdown(), "# review of `orders`\n\n## gains\n\n- by `orders`\n  - `orders`\n");
}
