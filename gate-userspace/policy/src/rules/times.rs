//! Conditions of connections: the kernel knows what time it is, and nothing else of Cedar.

use super::Rule;
use gate_tables::Times;
use serde_json::Value as Json;

/// What a condition of a connection may be.
const RIGHT: &str = "the kernel compares the time with constants and no more: \
                     `when { context.now >= 1767225600 && context.now < 1769904000 }` (seconds since 1970)";

/// When the rule holds.
///
/// # Errors
/// What its conditions ask besides the time, or that there is no such time.
pub(crate) fn of(rule: &Rule) -> Result<Times, String> {
    let json = rule.policy.to_json().map_err(|error| error.to_string())?;
    let clauses = json.get("conditions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut span = Span::ALWAYS;
    for clause in clauses {
        let body = clause.get("body").ok_or(RIGHT)?;
        let holds = clause.get("kind").and_then(Json::as_str) == Some("when");
        span = span.and(if holds { condition(body)? } else { not(body)? });
    }
    span.times().ok_or_else(|| "its conditions hold at no time".to_owned())
}

/// The time during which one of two holds; `None` when there is a gap between them.
pub(crate) fn either(one: Times, other: Times) -> Option<Times> {
    let (one, other) = (Span::from(one), Span::from(other));
    let (first, second) = if one.from <= other.from { (one, other) } else { (other, one) };
    if second.from > first.until {
        return None;
    }
    Span { from: first.from, until: first.until.max(second.until) }.times()
}

/// From the first second to before the second one. Cedar's numbers; nothing is before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    const ALWAYS: Self = Self { from: i64::MIN, until: i64::MAX };

    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    fn times(self) -> Option<Times> {
        let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
        if self.from >= self.until || self.until <= 0 {
            return None;
        }
        let from = (self.from > 0).then(|| seconds(self.from));
        Some(Times { from, until: (self.until < i64::MAX).then(|| seconds(self.until)) })
    }
}

impl From<Times> for Span {
    fn from(times: Times) -> Self {
        let number = |seconds: Option<u64>, none| seconds.map_or(none, |at| i64::try_from(at).unwrap_or(i64::MAX));
        Self { from: number(times.from, i64::MIN), until: number(times.until, i64::MAX) }
    }
}

fn condition(body: &Json) -> Result<Span, String> {
    let (operator, operand) = only_field(body)?;
    match operator {
        "&&" => Ok(condition(side(operand, "left")?)?.and(condition(side(operand, "right")?)?)),
        "!" => not(side(operand, "arg")?),
        _ => compared(operator, operand),
    }
}

/// The opposite of one comparison; the opposite of several is no single span.
fn not(body: &Json) -> Result<Span, String> {
    let (operator, operand) = only_field(body)?;
    match operator {
        "!" => condition(side(operand, "arg")?),
        "<" => compared(">=", operand),
        "<=" => compared(">", operand),
        ">" => compared("<=", operand),
        ">=" => compared("<", operand),
        _ => Err(RIGHT.to_owned()),
    }
}

fn compared(operator: &str, operand: &Json) -> Result<Span, String> {
    let (left, right) = (side(operand, "left")?, side(operand, "right")?);
    match (is_now(left), is_now(right)) {
        (true, false) => span(operator, constant(right)?),
        (false, true) => span(mirrored(operator), constant(left)?),
        _ => Err(RIGHT.to_owned()),
    }
}

/// What `constant OPERATOR now` is with the time first.
fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

/// `now OPERATOR constant`.
fn span(operator: &str, constant: i64) -> Result<Span, String> {
    let next = constant.saturating_add(1);
    Ok(match operator {
        "<" => Span { until: constant, ..Span::ALWAYS },
        "<=" => Span { until: next, ..Span::ALWAYS },
        ">" => Span { from: next, ..Span::ALWAYS },
        ">=" => Span { from: constant, ..Span::ALWAYS },
        "==" => Span { from: constant, until: next },
        _ => return Err(RIGHT.to_owned()),
    })
}

fn only_field(body: &Json) -> Result<(&str, &Json), String> {
    let fields = body.as_object().ok_or(RIGHT)?;
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (Some((operator, operand)), None) => Ok((operator, operand)),
        _ => Err(RIGHT.to_owned()),
    }
}

fn side<'a>(operand: &'a Json, name: &str) -> Result<&'a Json, String> {
    operand.get(name).ok_or_else(|| RIGHT.to_owned())
}

fn is_now(expression: &Json) -> bool {
    let Some(access) = expression.get(".") else { return false };
    let of_context = access.get("left").and_then(|left| left.get("Var")).is_some_and(|var| var == "context");
    of_context && access.get("attr").is_some_and(|attribute| attribute == "now")
}

fn constant(expression: &Json) -> Result<i64, String> {
    expression.get("Value").and_then(Json::as_i64).ok_or_else(|| RIGHT.to_owned())
}
