//! A page for people, before it is known where they read it.
//!
//! Gate's own words are `&'static str`; whatever comes from a policy is a name or a quote. That is what keeps a rule's
//! reason from becoming a heading of a pull request, or a command of a terminal.

mod markdown;
mod terminal;

pub use terminal::plain;

/// One piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span {
    /// Gate's own words.
    Words(&'static str),
    /// A number.
    Number(usize),
    /// A word of the policy: a service, an action, a rule's id, a place.
    Name(String),
    /// A text that somebody wrote: a reason.
    Quote(String),
}

/// One line of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<Span>,
}

impl Line {
    /// A line that begins with Gate's words.
    #[must_use]
    pub fn of(words: &'static str) -> Self {
        Self::default().words(words)
    }

    /// Appends Gate's words, as they are.
    #[must_use]
    pub fn words(mut self, words: &'static str) -> Self {
        self.spans.push(Span::Words(words));
        self
    }

    /// Appends a number.
    #[must_use]
    pub fn number(mut self, number: usize) -> Self {
        self.spans.push(Span::Number(number));
        self
    }

    /// Appends `1 cell`, `2 cells`.
    #[must_use]
    pub fn count(self, number: usize, one: &'static str) -> Self {
        let line = self.number(number).words(" ").words(one);
        if number == 1 { line } else { line.words("s") }
    }

    /// Appends a word of the policy.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spans.push(Span::Name(name.into()));
        self
    }

    /// Appends words of the policy, with commas between.
    #[must_use]
    pub fn names<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let each = |(line, first): (Self, bool), name: N| {
            let line = if first { line } else { line.words(", ") };
            (line.name(name), false)
        };
        names.into_iter().fold((self, true), each).0
    }

    /// Appends a text that somebody wrote.
    #[must_use]
    pub fn quote(mut self, text: impl Into<String>) -> Self {
        self.spans.push(Span::Quote(text.into()));
        self
    }

    /// As a terminal shows it.
    #[must_use]
    pub fn to_terminal(&self) -> String {
        terminal::spans(self)
    }

    /// Appends another line.
    #[must_use]
    pub fn line(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }
}

/// One item of a list, and those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub line: Line,
    /// What belongs to it.
    pub below: Vec<Item>,
}

impl From<Line> for Item {
    fn from(line: Line) -> Self {
        Self { line, below: Vec::new() }
    }
}

/// One part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// What the page is about.
    Title(Line),
    /// What the next blocks are about.
    Heading(Line),
    /// Running text.
    Paragraph(Line),
    /// A list.
    Items(Vec<Item>),
}

/// A page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// From top to bottom.
    pub blocks: Vec<Block>,
}

impl Page {
    /// Appends a title.
    pub fn title(&mut self, line: Line) {
        self.blocks.push(Block::Title(line));
    }

    /// Appends a heading.
    pub fn heading(&mut self, line: Line) {
        self.blocks.push(Block::Heading(line));
    }

    /// Appends running text.
    pub fn paragraph(&mut self, line: Line) {
        self.blocks.push(Block::Paragraph(line));
    }

    /// Appends a list, unless it is empty.
    pub fn items(&mut self, items: Vec<Item>) {
        if !items.is_empty() {
            self.blocks.push(Block::Items(items));
        }
    }

    /// Appends a heading and its list, unless the list is empty.
    pub fn section(&mut self, heading: Line, items: Vec<Item>) {
        if !items.is_empty() {
            self.heading(heading);
            self.items(items);
        }
    }

    /// For a terminal; ends in a newline.
    #[must_use]
    pub fn to_terminal(&self) -> String {
        terminal::write(self)
    }

    /// As Markdown (CommonMark, GitHub); ends in a newline.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::write(self)
    }
}

#[cfg(test)]
mod tests;
