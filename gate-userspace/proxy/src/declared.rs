//! What a route declares of a request's headers and query: there once and of its type, or not at all.
//!
//! Rules decide by these values, and the backend acts on what it reads itself. So whatever two readers could read in two
//! ways is a malformed request. Everything that is not declared passes unread.

mod header;
mod query;

use crate::head::Head;
use crate::refusal::Refusal;
use gate_ipc::messages::MAX_VALUE;
use gate_tables::{Field, Value};

/// What a request says of what its route declares, each list in the order of the declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Headers.
    pub headers: Vec<(String, Value)>,
    /// Parameters of the query.
    pub query: Vec<(String, Value)>,
}

impl Declared {
    /// Reads what a route declares.
    ///
    /// # Errors
    /// `400`: twice, of another type, or readable in two ways.
    pub fn read(headers: &[Field], query: &[Field], head: &Head) -> Result<Self, Refusal> {
        Ok(Self { headers: header::read(headers, &head.lines)?, query: query::read(query, head.target.query())? })
    }
}

/// One value per declared field, in their order.
struct Found<'a> {
    declared: &'a [Field],
    values: Vec<Option<Value>>,
}

impl<'a> Found<'a> {
    fn nothing(declared: &'a [Field]) -> Self {
        Self { declared, values: declared.iter().map(|_| None).collect() }
    }

    /// The one value of a field. An empty one is refused: for some servers that is none.
    fn put(&mut self, what: &str, field: &Field, text: &str) -> Result<(), Refusal> {
        let wrong = |found: &str| Err(Refusal::malformed(format!("the {what} {} {found}", field.name)));
        if text.is_empty() {
            return wrong("is empty");
        }
        if text.len() > MAX_VALUE {
            return wrong("is longer than 4096 bytes");
        }
        let Some(value) = field.kind.parse(text) else { return wrong("is not of its declared type") };
        let place = self.declared.iter().position(|other| other == field).and_then(|at| self.values.get_mut(at));
        match place {
            Some(place @ None) => *place = Some(value),
            _ => return wrong("is there twice"),
        }
        Ok(())
    }

    fn into_values(self) -> Vec<(String, Value)> {
        let found = self.declared.iter().zip(self.values);
        found.filter_map(|(field, value)| Some((field.name.clone(), value?))).collect()
    }
}

#[cfg(test)]
mod tests;
