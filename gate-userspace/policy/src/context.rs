//! What a conditional rule may read of a request.

mod fields;
mod user;

pub(crate) use fields::{check_fields, check_params};
pub(crate) use user::check_user;
pub use user::{ClaimValue, User};

use crate::universe::TargetRoute;
use cedar_policy::{Context, RestrictedExpression};
use gate_tables::Value;

/// The request that a decision is about. Unconditional rules read none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// The path parameters of the route, as the proxy matched them.
    pub params: Vec<(String, Value)>,
    /// The method, upper case.
    pub method: String,
    /// The normalized path.
    pub path: String,
    /// The name that the request is for, in lower case and without port; empty when it names none.
    pub host: String,
    /// The headers that the route declares and the request has.
    pub headers: Vec<(String, Value)>,
    /// The parameters of the query that the route declares and the request has.
    pub query: Vec<(String, Value)>,
    /// Who the port's issuer says it is for; `None`: nobody.
    pub user: Option<User>,
    /// The Unix user of the process at the other end, attested by the kernel; `None` when that is on another host.
    pub source_uid: Option<u32>,
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
pub(crate) struct Attributes(u16);

impl Attributes {
    /// In the order of their bits, those that a session fixes first.
    const NAMES: [&str; 10] =
        ["source", "method", "params", "path", "now", "local", "host", "headers", "query", "user"];
    const SESSION: u16 = 0b11;

    pub(crate) fn none() -> Self {
        Self(0)
    }

    pub(crate) fn all() -> Self {
        Self(u16::MAX)
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

    pub(crate) fn has(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    fn bit(name: &str) -> u16 {
        Self::NAMES.iter().position(|known| *known == name).map_or(u16::MAX, |position| 1 << position)
    }
}

impl RequestContext {
    /// Cedar's form: of the attributes, those that are read; of the parameters, those of this route and no others.
    pub(crate) fn to_cedar(&self, route: &TargetRoute, read: Attributes) -> Result<Context, String> {
        check_params(&self.params, &route.path)?;
        check_fields(&self.headers, &self.query, route)?;
        check_user(self.user.as_ref(), route.issuer.as_deref())?;
        let long = RestrictedExpression::new_long;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut pairs = Vec::with_capacity(Attributes::NAMES.len());
        for name in Attributes::NAMES.into_iter().filter(|name| read.has(name)) {
            let value = match name {
                "params" => values(&self.params)?,
                // There only where the schema says so: the first of two conditions may ask whether it is.
                "headers" if route.headers.is_empty() => continue,
                "headers" => values(&self.headers)?,
                "query" if route.query.is_empty() => continue,
                "query" => values(&self.query)?,
                "method" => text(&self.method),
                "path" => text(&self.path),
                "host" => text(&self.host),
                "source" => record(self.source_uid.map(|uid| ("uid".to_owned(), long(uid.into()))))?,
                "now" => long(self.now),
                "user" => match &self.user {
                    Some(user) => user::to_cedar(user)?,
                    None => continue,
                },
                _ => record([
                    ("weekday".to_owned(), long(self.local.weekday.into())),
                    ("minute".to_owned(), long(self.local.minute.into())),
                ])?,
            };
            pairs.push((name.to_owned(), value));
        }
        Context::from_pairs(pairs).map_err(|error| format!("the request's context: {error}"))
    }
}

fn values(values: &[(String, Value)]) -> Result<RestrictedExpression, String> {
    record(values.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => RestrictedExpression::new_string(text.clone()),
            Value::Int(number) => RestrictedExpression::new_long(*number),
        };
        (name.clone(), value)
    }))
}

/// What a condition of a connection may read: the time, in seconds since 1970.
pub(crate) fn of_connection(now: i64) -> Result<Context, String> {
    let pairs = [("now".to_owned(), RestrictedExpression::new_long(now))];
    Context::from_pairs(pairs).map_err(|error| format!("the connection's context: {error}"))
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
