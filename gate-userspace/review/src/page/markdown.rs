//! A page as Markdown.

use super::{Block, Item, Line, Page, Span, plain};

pub(super) fn write(page: &Page) -> String {
    let blocks = page.blocks.iter().map(|block| match block {
        Block::Title(line) => format!("# {}\n", spans(line)),
        Block::Heading(line) => format!("## {}\n", spans(line)),
        Block::Paragraph(line) => format!("{}\n", spans(line)),
        Block::Items(list) => items(list, 0),
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn items(list: &[Item], indent: usize) -> String {
    let item = |item: &Item| format!("{:indent$}- {}\n{}", "", spans(&item.line), items(&item.below, indent + 2));
    list.iter().map(item).collect()
}

fn spans(line: &Line) -> String {
    let span = |span: &Span| match span {
        Span::Words(words) => (*words).to_owned(),
        Span::Number(number) => number.to_string(),
        Span::Name(text) | Span::Quote(text) => code(text),
    };
    line.spans.iter().map(span).collect()
}

/// A code span: no markup, link, mention or entity in it is read as one. Its fence is longer than any run of backticks
/// in the text, which has no line ends; CommonMark takes one space away from each side if both are there.
fn code(text: &str) -> String {
    let text = plain(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let at_an_edge = |c: char| text.starts_with(c) || text.ends_with(c);
    let space = if text.is_empty() || at_an_edge('`') || at_an_edge(' ') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}
