//! Hosts, declared headers and declared parameters of the query.

use crate::backend::Do;
use crate::world::World;
use crate::{GET, run};
use gate_proxy::limits;
use gate_tables::{Channel, Field, HostPattern, ParameterKind, PathPattern, Port, Protocol, Route, Value};

fn declaring() -> Port {
    let field = |name: &str, kind| Field { name: name.into(), kind };
    let find = Route {
        action: "orders.find".into(),
        method: "GET".into(),
        path: PathPattern::parse("/orders/{id:int}").unwrap(),
        hosts: vec![HostPattern::parse("*.shop.example").unwrap()],
        headers: vec![field("x-tenant", ParameterKind::Text)],
        query: vec![field("limit", ParameterKind::Int)],
        ..Route::default()
    };
    Port { protocol: Protocol::Http, routes: vec![find], ..Port::default() }
}

fn get(query: &str, fields: &str) -> String {
    format!("GET /orders/7{query} HTTP/1.1\r\nHost: API.shop.example.:80\r\n{fields}\r\n")
}

#[test]
fn what_is_declared_goes_with_the_question_and_to_the_backend() {
    run(async {
        let world = World::new().await;
        world.switch_to(2, declaring());
        world.roles.cacheable.set(false);
        let mut client = world.client().await;
        assert_eq!(client.ask(&get("?a=1&limit=5", "X-Tenant: a\r\nX-Other: b\r\n")).await.status, 200);
        let question = world.roles.frames.borrow()[0][0].clone();
        assert_eq!(question.host, "api.shop.example");
        assert_eq!(question.headers, [("x-tenant".to_owned(), Value::Text("a".into()))]);
        assert_eq!(question.query, [("limit".to_owned(), Value::Int(5))]);
        let head = world.backend.seen()[0].head.clone();
        assert!(head.contains("x-tenant: a\r\n") && head.contains("?a=1&limit=5 "), "{head}");
        assert_eq!(client.ask(&get("", "")).await.status, 200);
        let question = world.roles.frames.borrow().last().unwrap()[0].clone();
        assert_eq!((question.headers, question.query), (vec![], vec![]));
    });
}

#[test]
fn another_host_is_no_declared_route() {
    run(async {
        let world = World::new().await;
        world.switch_to(2, declaring());
        assert_eq!(world.client().await.ask(GET).await.status, 403);
        let forged = "GET /orders/7 HTTP/1.1\r\nHost: o\r\nX-Forwarded-Host: api.shop.example\r\n\r\n";
        assert_eq!(world.client().await.ask(forged).await.status, 403);
        assert_eq!(world.roles.asked(), 0);
        assert!(world.enforced().iter().all(|enforced| enforced.why.contains("no declared route")));
    });
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_recorded_and_the_last_of_its_connection() {
    run(async {
        let world = World::new().await;
        world.switch_to(2, declaring());
        let mut warm = world.client().await;
        assert_eq!(warm.ask(&get("?limit=5", "x-tenant: a\r\n")).await.status, 200);
        let asked = world.roles.asked();
        let cases = [
            get("", "x-tenant: a\r\nx-tenant: b\r\n"),
            get("", "x-tenant: a\r\nx_tenant: b\r\n"),
            get("", "x-tenant: a, b\r\n"),
            get("", "x-tenant: a\r\nConnection: x-tenant\r\n"),
            get("", "x-tenant: a\r\n b\r\n"),
            get("?limit=5&limit=6", ""),
            get("?limit=5&Limit=6", ""),
            get("?a;limit=6", ""),
            get("?limit[]=6", ""),
            get("?limit=six", ""),
        ];
        for request in &cases {
            let mut client = world.client().await;
            client.send(format!("{request}{GET}")).await;
            let answer = client.answer(false).await.unwrap();
            assert_eq!(answer.status, 400, "{request}");
            assert!(client.is_closed().await, "{request}");
        }
        // A decision that is known already does not help.
        assert_eq!(warm.ask(&get("?limit=5&limit=6", "x-tenant: a\r\n")).await.status, 400);
        assert_eq!(world.roles.asked(), asked, "nobody was asked");
        assert_eq!(world.backend.seen().len(), 1);
        let refused =
            world.enforced().into_iter().filter(|enforced| enforced.status == 400 && !enforced.why.is_empty());
        assert_eq!(refused.count(), cases.len() + 1);
    });
}

#[test]
fn an_answer_that_is_not_to_be_cached_is_asked_for_again() {
    run(async {
        let world = World::new().await;
        world.switch_to(2, declaring());
        world.roles.cacheable.set(false);
        let mut client = world.client().await;
        assert_eq!(client.ask(&get("", "")).await.status, 200);
        world.roles.denied.borrow_mut().push("orders.find");
        assert_eq!(client.ask(&get("", "x-tenant: a\r\n")).await.status, 403);
    });
}

#[test]
fn a_running_request_that_a_new_bundle_finds_malformed_is_broken_off() {
    run(async {
        let world = World::new().await;
        *world.backend.does.borrow_mut() = Do::Hang;
        let mut client = world.client().await;
        client.send(get("?limit=1&limit=2", "")).await;
        world.until("the backend has the request", |world| world.backend.seen().len() == 1).await;
        world.switch_to(2, declaring());
        world.roles.advance_ms(limits::REJUDGE_MS);
        assert_eq!(client.answer(false).await.unwrap().status, 504);
        assert!(world.enforced()[0].why.contains("ended while it ran"), "{:?}", world.enforced());
    });
}

#[test]
fn a_port_that_this_version_does_not_speak_is_closed_at_once_with_the_reason() {
    run(async {
        let world = World::new().await;
        let cases = [
            (Port { protocol: Protocol::Http2, ..declaring() }, "HTTP/2"),
            (Port { protocol: Protocol::Grpc, ..declaring() }, "HTTP/2"),
            (Port { channel: Channel::Admin, ..declaring() }, "admin"),
        ];
        for (version, (port, why)) in (2..).zip(cases) {
            // One that is open already is closed with its next request.
            let mut open = world.client().await;
            world.switch(100 + version, crate::world::ROUTES);
            assert_eq!(open.ask(GET).await.status, 200);
            world.switch_to(version, port);
            assert_eq!(open.ask(GET).await.status, 403);
            assert!(open.is_closed().await);
            assert!(world.enforced().last().unwrap().why.contains(why));
            let mut client = world.client().await;
            assert!(client.is_closed().await);
            assert!(world.rejected().last().unwrap().contains(why), "{:?}", world.rejected());
        }
    });
}

#[test]
fn a_token_changes_nothing_where_nobody_verifies_it() {
    run(async {
        let world = World::new().await;
        world.roles.cacheable.set(false);
        let mut questions = Vec::new();
        for (version, issuer) in [(2, None), (3, Some("customers".to_owned()))] {
            world.switch_to(version, Port { issuer, ..declaring() });
            let mut client = world.client().await;
            for fields in ["", "Authorization: Bearer e30.e30.\r\n"] {
                assert_eq!(client.ask(&get("", fields)).await.status, 200);
                let mut question = world.roles.frames.borrow().last().unwrap()[0].clone();
                question.want_grant = false;
                questions.push(question);
            }
            let twice = get("", "Authorization: a\r\nauthorization: b\r\n");
            assert_eq!(client.ask(&twice).await.status, 400);
        }
        let [plain, with_token, plain_of_issuer, with_token_of_issuer] = questions.as_slice() else { panic!() };
        assert_eq!((plain, plain_of_issuer), (with_token, with_token_of_issuer), "same session, same question");
        assert!(world.backend.seen()[1].head.contains("authorization: Bearer e30.e30.\r\n"));
    });
}
