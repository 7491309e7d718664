//! What a conditional rule may read of a request.

use crate::universe::TargetRoute;
use cedar_policy::{Context, RestrictedExpression};
use gate_tables::{ParameterKind, PathSegment, Value};

/// The request that a decision is about. Unconditional rules read none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// The path parameters of the route, as the proxy matched them.
    pub params: Vec<(String, Value)>,
    /// The method, upper case.
    pub method: String,
    /// The normalized path.
    pub path: String,
    /// The Unix user of the process at the other end, attested by the kernel.
    pub source_uid: u32,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// The same moment on the host's wall clock.
    pub local: LocalTime,
}

/// A moment on a wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// 1 is Monday, 7 is Sunday (ISO 8601).
    pub weekday: u8,
    /// Minutes since midnight, 0 to 1439.
    pub minute: u16,
}

impl LocalTime {
    /// The wall clock `offset` seconds east of UTC at `now` (seconds since 1970).
    #[must_use]
    pub fn at(now: i64, offset: i32) -> Self {
        const DAY: i64 = 86_400;
        let local = now.saturating_add(offset.into());
        // 1970-01-01 was a Thursday, the fourth day of its week.
        let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7) + 1;
        let minute = local.rem_euclid(DAY) / 60;
        Self { weekday: u8::try_from(weekday).unwrap_or(1), minute: u16::try_from(minute).unwrap_or(0) }
    }
}

/// A set of the context's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes(u8);

impl Attributes {
    /// In the order of their bits, those that a session fixes first.
    const NAMES: [&str; 6] = ["source", "method", "params", "path", "now", "local"];
    const SESSION: u8 = 0b11;

    pub(crate) fn none() -> Self {
        Self(0)
    }

    pub(crate) fn all() -> Self {
        Self(u8::MAX)
    }

    /// Adds one; a name that is no attribute adds all.
    pub(crate) fn add(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they do not change within one (session, route).
    pub(crate) fn are_of_the_session(self) -> bool {
        self.0 & !Self::SESSION == 0
    }

    fn has(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    fn bit(name: &str) -> u8 {
        Self::NAMES.iter().position(|known| *known == name).map_or(u8::MAX, |position| 1 << position)
    }
}

impl RequestContext {
    /// Cedar's form: of the attributes, those that are read; of the parameters, those of this route and no others.
    pub(crate) fn to_cedar(&self, route: &TargetRoute, read: Attributes) -> Result<Context, String> {
        check_params(&self.params, route)?;
        let long = RestrictedExpression::new_long;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut pairs = Vec::with_capacity(Attributes::NAMES.len());
        for name in Attributes::NAMES.into_iter().filter(|name| read.has(name)) {
            let value = match name {
                "params" => self.cedar_params()?,
                "method" => text(&self.method),
                "path" => text(&self.path),
                "source" => record([("uid".to_owned(), long(self.source_uid.into()))])?,
                "now" => long(self.now),
                _ => record([
                    ("weekday".to_owned(), long(self.local.weekday.into())),
                    ("minute".to_owned(), long(self.local.minute.into())),
                ])?,
            };
            pairs.push((name.to_owned(), value));
        }
        Context::from_pairs(pairs).map_err(|error| format!("the request's context: {error}"))
    }

    fn cedar_params(&self) -> Result<RestrictedExpression, String> {
        record(self.params.iter().map(|(name, value)| {
            let value = match value {
                Value::Text(text) => RestrictedExpression::new_string(text.clone()),
                Value::Int(number) => RestrictedExpression::new_long(*number),
            };
            (name.clone(), value)
        }))
    }
}

/// What a condition of a connection may read: the time, in seconds since 1970.
pub(crate) fn of_connection(now: i64) -> Result<Context, String> {
    let pairs = [("now".to_owned(), RestrictedExpression::new_long(now))];
    Context::from_pairs(pairs).map_err(|error| format!("the connection's context: {error}"))
}

/// Whether these are exactly the route's parameters, each of its type.
pub(crate) fn check_params(params: &[(String, Value)], route: &TargetRoute) -> Result<(), String> {
    let declared: Vec<(&str, ParameterKind)> = route.path.segments().iter().filter_map(parameter).collect();
    for (name, kind) in &declared {
        let given = params.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        match (kind, given) {
            (ParameterKind::Int, Some(Value::Int(_))) | (ParameterKind::Text, Some(Value::Text(_))) => {}
            (_, None) => return Err(format!("the parameter \"{name}\" of {} is missing", route.path)),
            (ParameterKind::Int, Some(Value::Text(_))) => {
                return Err(format!(
                    "the parameter \"{name}\" of {} is a string; an integer would be right",
                    route.path
                ));
            }
            (ParameterKind::Text, Some(Value::Int(_))) => {
                return Err(format!(
                    "the parameter \"{name}\" of {} is an integer; a string would be right",
                    route.path
                ));
            }
        }
    }
    match params.iter().find(|(name, _)| !declared.iter().any(|(declared, _)| declared == name)) {
        Some((name, _)) => Err(format!("{} has no parameter \"{name}\"", route.path)),
        None if params.len() != declared.len() => Err(format!("a parameter of {} is there twice", route.path)),
        None => Ok(()),
    }
}

fn parameter(segment: &PathSegment) -> Option<(&str, ParameterKind)> {
    match segment {
        PathSegment::Literal(_) => None,
        PathSegment::Parameter { name, kind } => Some((name, *kind)),
        PathSegment::Rest(name) => Some((name, ParameterKind::Text)),
    }
}

fn record(fields: impl IntoIterator<Item = (String, RestrictedExpression)>) -> Result<RestrictedExpression, String> {
    RestrictedExpression::new_record(fields).map_err(|error| format!("the request's context: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clocks() {
        let at = |now, offset| LocalTime::at(now, offset);
        assert_eq!(at(0, 0), LocalTime { weekday: 4, minute: 0 });
        assert_eq!(at(-1, 0), LocalTime { weekday: 3, minute: 1439 });
        // 2026-11-22 is a Sunday; 15:20 UTC.
        assert_eq!(at(1_795_360_800, 0), LocalTime { weekday: 7, minute: 15 * 60 + 20 });
        assert_eq!(at(1_795_360_800, 9 * 3600), LocalTime { weekday: 1, minute: 20 });
        assert_eq!(at(i64::MAX, i32::MAX).minute / 1440, 0);
    }
}
