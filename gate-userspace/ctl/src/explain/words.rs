//! The layers' answers as people read them.

use crate::host::NoAnswer;
use crate::text::plain;
use serde_json::Value;

pub(crate) fn kernel(kernel: &Value) -> String {
    let ports = kernel.get("ports").and_then(Value::as_array);
    let mut text = "  kernel (gate-net)\n".to_owned();
    for port in ports.into_iter().flatten() {
        let verdict = match text_at(port, "verdict") {
            "allow" => "allow: straight",
            "proxy" => "proxy: only through gate-proxy",
            _ => "deny: no rule reaches it",
        };
        let observed =
            if port.get("observe") == Some(&Value::Bool(true)) { " (observe: recorded, not enforced)" } else { "" };
        let number = port.get("number").and_then(Value::as_u64).unwrap_or(0);
        let transport = match text_at(port, "transport") {
            "" => "tcp",
            transport => transport,
        };
        let name = plain(text_at(port, "port"));
        text.push_str(&format!("    port {name} ({}/{number}): {verdict}{observed}\n", plain(transport)));
        if let Some(rule) = port.get("rule").filter(|rule| rule.is_object()) {
            text.push_str(&self::rule(rule, "by"));
        }
    }
    text
}

pub(crate) fn decision(decision: &Value) -> String {
    let version = decision.get("version").and_then(Value::as_u64).unwrap_or(0);
    let port = match text_at(decision, "port") {
        "" => String::new(),
        port => format!(", port {}", plain(port)),
    };
    let mut text = format!("  decision (gate-authz, version {version}{port})\n");
    if let Some(asked) = decision.pointer("/asked/request").and_then(Value::as_str) {
        let assumed =
            |name: &str| decision.pointer(&format!("/asked/assumed/{name}")).and_then(Value::as_i64).unwrap_or(0);
        let now = crate::text::time(u64::try_from(assumed("now")).unwrap_or(0));
        text.push_str(&format!("    asked {} (as Unix user {}, at {now})\n", plain(asked), assumed("source_uid")));
    }
    text.push_str(&format!("    {}\n", plain(text_at(decision, "outcome"))));
    let by = if text_at(decision, "outcome") == "allow" { "permitted by" } else { "forbidden by" };
    for rule in decision.get("rules").and_then(Value::as_array).into_iter().flatten() {
        text.push_str(&self::rule(rule, by));
    }
    for error in decision.get("errors").and_then(Value::as_array).into_iter().flatten() {
        text.push_str(&format!("    could not be evaluated: {}\n", plain(error.as_str().unwrap_or("?"))));
    }
    if let Some(nearest) = decision.get("nearest").and_then(Value::as_str) {
        text.push_str(&format!("    {}\n", plain(nearest)));
    }
    text
}

/// Two lines: the rule and its place, its reason and its ticket.
fn rule(rule: &Value, by: &str) -> String {
    let part = |name: &str| plain(text_at(rule, name));
    format!("      {by} {} ({})\n        {} [{}]\n", part("id"), part("place"), part("reason"), part("ticket"))
}

pub(crate) fn no_answer(layer: &str, why: &NoAnswer) -> String {
    let reasons: String = why.reasons().iter().map(|reason| format!("    no answer: {}\n", plain(reason))).collect();
    format!("  {layer}\n{reasons}")
}

pub(crate) fn signers(signers: &Result<Value, String>) -> String {
    match signers {
        Err(why) => format!("  signers: not known ({})\n", plain(why)),
        Ok(signers) => {
            let approvers = signers.get("approvers").and_then(Value::as_array);
            let approvers: Vec<&str> = approvers.into_iter().flatten().filter_map(Value::as_str).collect();
            let part = |name: &str| signers.get(name).and_then(Value::as_str);
            format!(
                "  in force since record {}: version {}, {}\n",
                signers.get("entry").and_then(Value::as_u64).unwrap_or(0),
                signers.get("version").and_then(Value::as_u64).unwrap_or(0),
                plain(&crate::text::signers(part("quorum"), part("author"), &approvers))
            )
        }
    }
}

fn text_at<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_port_has_the_transport_that_the_kernel_says() {
        let port = |transport: Value| {
            let mut port = json!({ "port": "main", "number": 53, "verdict": "allow", "observe": false });
            if !transport.is_null() {
                port["transport"] = transport;
            }
            kernel(&json!({ "ports": [port] }))
        };
        assert!(port(Value::Null).contains("port main (tcp/53): allow"), "{}", port(Value::Null));
        assert!(port("udp".into()).contains("port main (udp/53): allow"));
        assert!(!port("\u{1b}".into()).contains('\u{1b}'));
    }
}
