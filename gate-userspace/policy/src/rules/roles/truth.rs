//! What is known of a condition when something is known of the user.

use serde_json::Value as Json;

/// The claim of an issuer that says roles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) name: &'a str,
    /// Whether it is a set of strings.
    pub(super) set: bool,
}

/// All that is known of a user.
#[derive(Debug, Clone, Copy)]
pub(super) enum User<'a> {
    /// There is none.
    Nobody,
    /// There is one, of whom nothing is known.
    Unknown,
    /// There is one whose token has not this claim.
    Roleless { claim: &'a str },
    /// There is one with exactly these roles.
    Has { of: Claim<'a>, roles: &'a [&'a str] },
}

/// What an expression may come to, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Truth {
    /// It may be true.
    pub(super) yes: bool,
    no: bool,
    error: bool,
}

impl Truth {
    const ANY: Self = Self { yes: true, no: true, error: true };
    const ERROR: Self = Self { yes: false, no: false, error: true };

    fn known(is: bool) -> Self {
        Self { yes: is, no: !is, error: false }
    }

    /// It may be false, or an error.
    pub(super) fn may_not_hold(self) -> bool {
        self.no || self.error
    }

    fn not(self) -> Self {
        Self { yes: self.no, no: self.yes, error: self.error }
    }

    /// What follows where it is true, and where it is false.
    fn then(self, if_true: impl FnOnce() -> Self, if_false: impl FnOnce() -> Self) -> Self {
        let nothing = Self { yes: false, no: false, error: false };
        let yes = if self.yes { if_true() } else { nothing };
        let no = if self.no { if_false() } else { nothing };
        Self { yes: yes.yes || no.yes, no: yes.no || no.no, error: self.error || yes.error || no.error }
    }
}

/// Whether the conditions hold for that user.
pub(super) fn truth(clauses: &[Json], user: &User<'_>) -> Truth {
    let mut all = Truth::known(true);
    for clause in clauses {
        let Some(body) = clause.get("body") else { return Truth::ANY };
        let one = of(body, user);
        let when = clause.get("kind").and_then(Json::as_str) == Some("when");
        let one = if when { one } else { one.not() };
        all = all.then(|| one, || Truth::known(false));
    }
    all
}

fn of(expression: &Json, user: &User<'_>) -> Truth {
    let Some((operator, operand)) = only_field(expression) else { return Truth::ANY };
    let side = |name: &str| operand.get(name);
    let part = |name: &str| side(name).map_or(Truth::ANY, |part| of(part, user));
    match operator {
        "Value" => operand.as_bool().map_or(Truth::ANY, Truth::known),
        "&&" => part("left").then(|| part("right"), || Truth::known(false)),
        "||" => part("left").then(|| Truth::known(true), || part("right")),
        "!" => part("arg").not(),
        "if-then-else" => part("if").then(|| part("then"), || part("else")),
        "has" => has(operand, user),
        "==" => equal(side("left"), side("right"), user),
        "!=" => equal(side("left"), side("right"), user).not(),
        "contains" => contains(side("left"), side("right"), user),
        "containsAny" | "containsAll" => several(operator, side("left"), side("right"), user),
        "isEmpty" => match side("arg").and_then(|arg| roles_of(arg, user)) {
            Some(Found::Roles(roles)) => Truth::known(roles.is_empty()),
            Some(Found::Error) => Truth::ERROR,
            None => Truth::ANY,
        },
        _ => Truth::ANY,
    }
}

/// `context has user`, `context.user has role`.
fn has(operand: &Json, user: &User<'_>) -> Truth {
    let (Some(left), Some(attribute)) = (operand.get("left"), operand.get("attr").and_then(Json::as_str)) else {
        return Truth::ANY;
    };
    if is_context(left) && attribute == "user" {
        return Truth::known(!matches!(user, User::Nobody));
    }
    if !is_user(left) {
        return Truth::ANY;
    }
    match user {
        User::Nobody => Truth::ERROR,
        User::Unknown => Truth::ANY,
        User::Roleless { claim } if *claim == attribute => Truth::known(false),
        User::Has { of, .. } if of.name == attribute => Truth::known(true),
        User::Roleless { .. } | User::Has { .. } => Truth::ANY,
    }
}

/// What `context.user.role` is.
enum Found<'a> {
    Roles(&'a [&'a str]),
    Error,
}

/// `None`: it is not the claim of roles, or nothing is known of it.
fn roles_of<'u>(expression: &Json, user: &User<'u>) -> Option<Found<'u>> {
    let access = expression.get(".")?;
    let attribute = access.get("attr")?.as_str()?;
    if !is_user(access.get("left")?) {
        return None;
    }
    match user {
        User::Nobody => Some(Found::Error),
        User::Roleless { claim } if *claim == attribute => Some(Found::Error),
        User::Has { of, roles } if of.name == attribute => Some(Found::Roles(roles)),
        User::Unknown | User::Roleless { .. } | User::Has { .. } => None,
    }
}

/// `context.user.role == "teller"`, either way round.
fn equal(left: Option<&Json>, right: Option<&Json>, user: &User<'_>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::ANY };
    for (claim, literal) in [(left, right), (right, left)] {
        match (roles_of(claim, user), literal_text(literal)) {
            (Some(Found::Error), _) => return Truth::ERROR,
            (Some(Found::Roles([role])), Some(text)) if !is_of_set(user) => return Truth::known(*role == text),
            _ => {}
        }
    }
    Truth::ANY
}

/// `["a", "b"].contains(context.user.role)`, `context.user.roles.contains("a")`.
fn contains(left: Option<&Json>, right: Option<&Json>, user: &User<'_>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::ANY };
    match (roles_of(left, user), roles_of(right, user)) {
        (Some(Found::Error), _) | (_, Some(Found::Error)) => Truth::ERROR,
        (Some(Found::Roles(roles)), None) if is_of_set(user) => {
            literal_text(right).map_or(Truth::ANY, |text| Truth::known(roles.contains(&text)))
        }
        (None, Some(Found::Roles([role]))) if !is_of_set(user) => {
            literal_set(left).map_or(Truth::ANY, |set| Truth::known(set.contains(role)))
        }
        _ => Truth::ANY,
    }
}

/// `context.user.roles.containsAny(["a", "b"])`.
fn several(operator: &str, left: Option<&Json>, right: Option<&Json>, user: &User<'_>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::ANY };
    match (roles_of(left, user), literal_set(right)) {
        (Some(Found::Error), _) => Truth::ERROR,
        (Some(Found::Roles(roles)), Some(set)) if is_of_set(user) => {
            let there = |text: &&str| roles.contains(text);
            Truth::known(if operator == "containsAny" { set.iter().any(there) } else { set.iter().all(there) })
        }
        _ => Truth::ANY,
    }
}

fn is_of_set(user: &User<'_>) -> bool {
    matches!(user, User::Has { of: Claim { set: true, .. }, .. })
}

pub(super) fn literal_text(expression: &Json) -> Option<&str> {
    expression.get("Value")?.as_str()
}

pub(super) fn literal_set(expression: &Json) -> Option<Vec<&str>> {
    expression.get("Set")?.as_array()?.iter().map(literal_text).collect()
}

fn is_context(expression: &Json) -> bool {
    expression.get("Var").and_then(Json::as_str) == Some("context")
}

pub(super) fn is_user(expression: &Json) -> bool {
    let Some(access) = expression.get(".") else { return false };
    access.get("attr").and_then(Json::as_str) == Some("user") && access.get("left").is_some_and(is_context)
}

fn only_field(expression: &Json) -> Option<(&str, &Json)> {
    let mut fields = expression.as_object()?.iter();
    match (fields.next(), fields.next()) {
        (Some((operator, operand)), None) => Some((operator, operand)),
        _ => None,
    }
}
