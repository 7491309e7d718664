//! A page on a terminal.

use super::{Block, Item, Line, Page, Span};

/// Foreign text for one line of a terminal: nothing in it is obeyed, nothing in it is invisible.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if is_odd(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Control characters, and those that have no width or turn the direction of the text.
fn is_odd(c: char) -> bool {
    let code = u32::from(c);
    let ranges = [0x00ad..=0x00ad, 0x061c..=0x061c, 0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x206f];
    let more = [0xfe00..=0xfe0f, 0xfeff..=0xfeff, 0xfff9..=0xfffb, 0xe0000..=0xe0fff];
    c.is_control() || ranges.iter().chain(&more).any(|range| range.contains(&code))
}

pub(super) fn write(page: &Page) -> String {
    let mut text = String::new();
    for block in &page.blocks {
        match block {
            Block::Title(line) | Block::Paragraph(line) => text.push_str(&format!("{}\n", spans(line))),
            Block::Heading(line) => text.push_str(&format!("\n{}\n", spans(line))),
            Block::Items(list) => items(list, 2, &mut text),
        }
    }
    text
}

fn items(list: &[Item], indent: usize, text: &mut String) {
    for item in list {
        text.push_str(&format!("{:indent$}{}\n", "", spans(&item.line)));
        items(&item.below, indent + 4, text);
    }
}

pub(super) fn spans(line: &Line) -> String {
    let span = |span: &Span| match span {
        Span::Words(words) => (*words).to_owned(),
        Span::Number(number) => number.to_string(),
        Span::Name(name) => plain(name),
        Span::Quote(quote) => format!("\"{}\"", plain(quote).replace('"', "'")),
    };
    line.spans.iter().map(span).collect()
}
