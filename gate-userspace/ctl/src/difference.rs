//! Where two tables differ first, for people.

use serde_json::Value;

/// The place and both values; `None` when they are equal.
pub(crate) fn first_difference(found: &Value, right: &Value) -> Option<String> {
    walk("", found, right)
}

fn walk(place: &str, found: &Value, right: &Value) -> Option<String> {
    match (found, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => walk(&inside(key), a, b),
                (Some(_), None) => Some(format!("{} is there, and does not follow from the rules", inside(key))),
                (None, _) => Some(format!("{} is missing", inside(key))),
            })
        }
        (Value::Array(a), Value::Array(b)) => {
            let changed = a.iter().zip(b).enumerate().find_map(|(index, (a, b))| {
                walk(&format!("{place}[{}]", label(b).unwrap_or_else(|| index.to_string())), a, b)
            });
            changed.or_else(|| match a.len().cmp(&b.len()) {
                std::cmp::Ordering::Equal => None,
                _ => Some(format!("{place} has {} entries; the rules give {}", a.len(), b.len())),
            })
        }
        _ if found == right => None,
        _ => Some(format!("{place} is {found}; the rules give {right}")),
    }
}

/// What people know an entry by.
fn label(entry: &Value) -> Option<String> {
    let name = ["name", "action", "id"].iter().find_map(|key| entry.get(key)?.as_str());
    name.map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_the_place() {
        let right = json!({"services": [{"name": "orders", "id": 1}, {"name": "web", "id": 2}], "reach": []});
        assert_eq!(first_difference(&right, &right), None);
        let mut found = right.clone();
        found["services"][1]["id"] = json!(3);
        assert_eq!(first_difference(&found, &right).unwrap(), "services[web].id is 3; the rules give 2");
        let mut found = right.clone();
        found["reach"] = json!([{"source": 2}]);
        assert_eq!(first_difference(&found, &right).unwrap(), "reach has 1 entries; the rules give 0");
        let mut found = right.clone();
        found.as_object_mut().unwrap().remove("reach");
        assert_eq!(first_difference(&found, &right).unwrap(), "reach is missing");
    }
}
