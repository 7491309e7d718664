//! Bounds on the shape of a rule, before Cedar parses it.
//!
//! Cedar's parser, validator and evaluator recurse over expressions, so that a rule of some ten thousand parentheses or
//! operators would overflow the stack of whoever compiles it (in an unoptimized build and a thread of 2 MiB, some 180
//! operators do). A rule that a person can review is far below these bounds.

use crate::diagnostic::{LineIndex, Report};

/// Most brackets open at once.
const MAX_DEPTH: usize = 16;
/// Most operators, attribute accesses and brackets in one rule. Commas and names are not counted: lists may be long.
const MAX_OPERATORS: usize = 96;

/// Where rules end with their lines, so that what follows can be parsed for itself; `None` when something in the text is
/// reported.
pub(super) fn check(file: &str, text: &str, lines: &LineIndex, report: &mut Report) -> Option<Vec<usize>> {
    let mut depth = 0usize;
    let mut operators = 0usize;
    let mut ends = Vec::new();
    for (offset, token) in (Tokens { text, at: 0 }) {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::End if depth == 0 => {
                operators = 0;
                // No comment goes on after its line: whatever ends here, nothing of it is in the next one.
                if text.get(offset..).is_some_and(|rest| rest.starts_with(";\n")) {
                    ends.push(offset + 2);
                }
            }
            Token::End | Token::Operator => {}
        }
        operators += usize::from(matches!(token, Token::Open | Token::Operator));
        if depth > MAX_DEPTH {
            let message = format!("over {MAX_DEPTH} brackets are open here; write a flatter condition");
            report.at(file, lines.line(offset), message);
            return None;
        }
        if operators > MAX_OPERATORS {
            let message = format!("over {MAX_OPERATORS} operators in one rule; write several rules");
            report.at(file, lines.line(offset), message);
            return None;
        }
    }
    Some(ends)
}

const PAIRS: [&str; 6] = ["&&", "||", "==", "!=", "<=", ">="];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Operator,
    End,
}

/// The tokens that nest, outside strings and comments, each with its offset.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let rest = self.text.get(start..)?;
            let first = rest.chars().next()?;
            let (length, token) = match first {
                '"' => (string_length(rest), None),
                '/' if rest.starts_with("//") => (rest.find(['\n', '\r']).unwrap_or(rest.len()), None),
                '(' | '[' | '{' => (1, Some(Token::Open)),
                ')' | ']' | '}' => (1, Some(Token::Close)),
                ';' => (1, Some(Token::End)),
                '&' | '|' | '=' | '!' | '<' | '>' if PAIRS.iter().any(|pair| rest.starts_with(pair)) => {
                    (2, Some(Token::Operator))
                }
                '&' | '|' | '=' | '!' | '<' | '>' | '+' | '-' | '*' | '.' => (1, Some(Token::Operator)),
                c if c.is_ascii_alphabetic() || c == '_' => {
                    let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                    let is_operator = matches!(rest.get(..word), Some("if" | "in" | "is" | "has" | "like"));
                    (word, is_operator.then_some(Token::Operator))
                }
                c => (c.len_utf8(), None),
            };
            self.at = start + length;
            if let Some(token) = token {
                return Some((start, token));
            }
        }
    }
}

/// The length of the string literal that `text` starts with, or of the whole text when it does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
