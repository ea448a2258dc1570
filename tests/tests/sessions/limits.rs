//! Tests of the limits of failed logins: 10 in a minute for an account, 100 for an address.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::{
    ConfigError, SessionRoutes,
    adapter::{Answer, Reply, RequestHead},
    session::{Identity, LoginLimits, SignIn, TooManyLogins},
};
use countersign_tests::{Entry, Request, sessions::Exchange};
use serde::Deserialize;
use serde_json::json;

use crate::bed::{Bed, each, post};

fn login(name: &str, password: &str) -> Request {
    post("/login").json(json!({ "name": name, "password": password }).to_string())
}

fn wrong(name: &str) -> Request {
    login(name, "motor")
}

/// Logs in this many times, and returns the statuses.
fn statuses(entry: Entry, routes: &SessionRoutes, request: &Request, times: usize) -> Vec<u16> {
    let call = |_| entry.call(routes, request).status;
    (0..times).map(call).collect()
}

#[track_caller]
fn refused(answer: &Exchange, seconds: &str) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some(seconds));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json()["error"], "too_many_requests");
    assert!(answer.cookies().is_empty());
}

#[test]
fn the_eleventh_wrong_password_in_a_minute_is_429_and_another_account_logs_in_meanwhile() {
    each(|bed, entry| {
        for routes in [bed.json(), bed.cookies()] {
            bed.advance(60);
            assert_eq!(statuses(entry, &routes, &wrong("ada"), 10), [401; 10]);
            refused(&entry.call(&routes, &wrong("ada")), "60");
            assert_eq!(entry.call(&routes, &login("bob", "engine")).status, 200);
            bed.advance(20);
            refused(&entry.call(&routes, &wrong("ada")), "40");
        }
    });
}

#[test]
fn a_right_password_is_not_looked_at_either_until_the_minute_is_over() {
    each(|bed, entry| {
        let routes = bed.json();
        assert_eq!(statuses(entry, &routes, &wrong("ada"), 10), [401; 10]);
        refused(&entry.call(&routes, &login("ada", "engine")), "60");
        bed.advance(59);
        refused(&entry.call(&routes, &login("ada", "engine")), "1");
        bed.advance(1);
        assert_eq!(entry.call(&routes, &login("ada", "engine")).status, 200);
    });
}

#[test]
fn the_app_is_not_asked_about_a_refused_login() {
    each(|bed, entry| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let routes =
            SessionRoutes::json(bed.sessions.clone(), move |_: SignIn<serde_json::Value>| {
                counter.fetch_add(1, Ordering::SeqCst);
                async { Ok::<Option<Identity<()>>, io::Error>(None) }
            });
        statuses(entry, &routes, &wrong("ada"), 25);
        assert_eq!(asked.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn an_unknown_account_gets_the_answer_of_a_known_one() {
    each(|bed, entry| {
        let routes = bed.json();
        for name in ["ada", "nobody"] {
            assert_eq!(statuses(entry, &routes, &wrong(name), 10), [401; 10]);
        }
        let known = entry.call(&routes, &wrong("ada"));
        assert_eq!(known, entry.call(&routes, &wrong("nobody")));
        refused(&known, "60");
    });
}

#[test]
fn successful_logins_do_not_count_and_do_not_reset() {
    each(|bed, entry| {
        let routes = bed.json();
        let right = login("ada", "engine");
        assert_eq!(statuses(entry, &routes, &right, 30), [200; 30]);
        for _ in 0..10 {
            assert_eq!(entry.call(&routes, &wrong("ada")).status, 401);
            assert_eq!(entry.call(&routes, &login("bob", "engine")).status, 200);
        }
        refused(&entry.call(&routes, &right), "60");
    });
}

#[test]
fn an_outage_and_an_unreadable_body_do_not_count() {
    each(|bed, entry| {
        let routes = bed.json();
        bed.users.down.store(true, Ordering::SeqCst);
        assert_eq!(statuses(entry, &routes, &wrong("ada"), 15), [503; 15]);
        bed.users.down.store(false, Ordering::SeqCst);
        let unreadable = post("/login").json(r#"{"name":"ada"}"#);
        assert_eq!(statuses(entry, &routes, &unreadable, 15), [400; 15]);
        assert_eq!(statuses(entry, &routes, &wrong("ada"), 10), [401; 10]);
    });
}

#[test]
fn spellings_and_chaff_are_no_way_around_the_account() {
    each(|bed, entry| {
        let routes = bed.json();
        let bodies = [
            r#"{"name":"ada","password":"x"}"#,
            r#"{"name":"ADA","password":"x"}"#,
            r#"{"name":" ada ","password":"x"}"#,
            r#"{"name":"a\u0064a","password":"x"}"#,
            r#"{"name":"\u00e0da","password":"x"}"#,
            r#"{"name":"ada","password":"x","email":"chaff 1"}"#,
            r#"{"email":"chaff 2","name":"ada","password":"x"}"#,
            r#"{"name":"ada","password":"x","user":{"id":"chaff 3"}}"#,
            r#"["ada","x"]"#,
            r#"["ADA","y"]"#,
        ];
        for body in bodies {
            let answer = entry.call(&routes, &post("/login").json(body));
            assert_eq!(answer.status, 401, "{body}");
        }
        for body in bodies {
            let answer = entry.call(&routes, &post("/login").json(body));
            assert_eq!(answer.status, 429, "{body}");
        }
        // None of the junk logins was counted.
        let chaff = wrong("chaff 1");
        assert_eq!(statuses(entry, &routes, &chaff, 10), [401; 10]);
    });
}

#[test]
fn every_usual_name_of_the_account_is_found_without_settings() {
    each(|bed, entry| {
        let routes =
            SessionRoutes::json(bed.sessions.clone(), |_: SignIn<serde_json::Value>| async {
                Ok::<Option<Identity<()>>, io::Error>(None)
            });
        for member in [
            "email", "username", "name", "login", "user", "phone", "kennung",
        ] {
            let body = |account: &str| {
                let body = json!({ member: format!("{member} {account}"), "password": "x" });
                post("/login").json(body.to_string())
            };
            assert_eq!(
                statuses(entry, &routes, &body("a"), 10),
                [401; 10],
                "{member}"
            );
            assert_eq!(entry.call(&routes, &body("a")).status, 429, "{member}");
            assert_eq!(entry.call(&routes, &body("b")).status, 401, "{member}");
        }
    });
}

#[test]
fn an_address_has_100_failures_whatever_the_accounts() {
    each(|bed, entry| {
        let routes = bed.json();
        let from = |address: &str, name: usize| wrong(&format!("user {name}")).from(address);
        for name in 0..100 {
            assert_eq!(entry.call(&routes, &from("192.0.2.1", name)).status, 401);
        }
        refused(&entry.call(&routes, &from("192.0.2.1", 100)), "60");
        refused(
            &entry.call(&routes, &login("ada", "engine").from("192.0.2.1")),
            "60",
        );
        let forwarded = login("ada", "engine").header("x-forwarded-for", "203.0.113.9");
        refused(&entry.call(&routes, &forwarded.from("192.0.2.1")), "60");
        assert_eq!(entry.call(&routes, &from("192.0.2.2", 100)).status, 401);
        assert_eq!(
            entry
                .call(&routes, &login("ada", "engine").from("192.0.2.2"))
                .status,
            200
        );
        bed.advance(60);
        assert_eq!(
            entry
                .call(&routes, &login("bob", "engine").from("192.0.2.1"))
                .status,
            200
        );
    });
}

#[test]
fn a_refused_address_uses_up_no_account() {
    each(|bed, entry| {
        let limits = LoginLimits::builder()
            .per_address(1)
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        let here = wrong("ada").from("192.0.2.1");
        assert_eq!(entry.call(&routes, &here).status, 401);
        assert_eq!(statuses(entry, &routes, &here, 20), [429; 20]);
        assert_eq!(
            entry
                .call(&routes, &login("ada", "engine").from("192.0.2.2"))
                .status,
            200
        );
    });
}

#[test]
fn a_64_of_ipv6_is_one_address() {
    each(|bed, entry| {
        let limits = LoginLimits::builder()
            .per_address(3)
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        for host in 1..4 {
            let from = format!("2001:db8:0:1::{host}");
            assert_eq!(entry.call(&routes, &wrong(&from).from(&from)).status, 401);
        }
        assert_eq!(
            entry
                .call(&routes, &wrong("x").from("2001:db8:0:1:f::1"))
                .status,
            429
        );
        assert_eq!(
            entry
                .call(&routes, &wrong("x").from("2001:db8:0:2::1"))
                .status,
            401
        );
    });
}

#[test]
fn a_proxy_is_no_client() {
    each(|bed, entry| {
        let limits = LoginLimits::builder()
            .per_address(1)
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        let forwarded = |name: usize| {
            let request = wrong(&format!("user {name}")).from("10.0.0.1");
            request.header("x-forwarded-for", "203.0.113.9")
        };
        for name in 0..3 {
            assert_eq!(entry.call(&routes, &forwarded(name)).status, 401);
        }
        let direct = wrong("other").from("10.0.0.1");
        assert_eq!(statuses(entry, &routes, &direct, 2), [401, 429]);
    });
}

#[test]
fn the_app_may_say_what_account_and_address_are() {
    #[derive(Deserialize)]
    struct Login {
        name: String,
        realm: Option<String>,
    }
    each(|bed, entry| {
        let limits = LoginLimits::builder()
            .per_account(1)
            .per_address(2)
            .account(|login: &Login| Some(format!("{:?}/{}", login.realm, login.name)))
            .address(|head: &dyn RequestHead| {
                let mut address = None;
                head.visit_header("x-real-ip", &mut |value| {
                    address = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                });
                address
            })
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        let attempt = |realm: &str, address: &str| {
            let body = json!({ "name": "ada", "realm": realm, "password": "x" });
            let request = post("/login")
                .json(body.to_string())
                .header("x-real-ip", address);
            entry.call(&routes, &request.from("10.0.0.1")).status
        };
        assert_eq!(attempt("a", "192.0.2.1"), 401);
        assert_eq!(attempt("a", "192.0.2.1"), 429);
        assert_eq!(attempt("b", "192.0.2.1"), 401);
        assert_eq!(attempt("c", "192.0.2.1"), 429);
        assert_eq!(attempt("c", "192.0.2.2"), 401);
        let body = post("/login").json(r#"{"realm":"d","password":"x"}"#);
        assert_eq!(entry.call(&routes, &body).status, 400);
    });
}

#[test]
fn whoever_keeps_guessing_elsewhere_does_not_lock_the_owner_out_at_home() {
    each(|bed, entry| {
        let routes = bed.json();
        let at_home = |password| login("ada", password).from("192.0.2.1");
        assert_eq!(entry.call(&routes, &at_home("engine")).status, 200);
        for _ in 0..5 {
            let elsewhere = wrong("ada").from("198.51.100.7");
            assert_eq!(statuses(entry, &routes, &elsewhere, 10), [401; 10]);
            assert_eq!(entry.call(&routes, &elsewhere).status, 429);
            let third = login("ada", "engine").from("203.0.113.1");
            assert_eq!(entry.call(&routes, &third).status, 429);
            assert_eq!(entry.call(&routes, &at_home("engine")).status, 200);
            bed.advance(60);
        }
        // There is a limit at home, too.
        assert_eq!(statuses(entry, &routes, &at_home("motor"), 10), [401; 10]);
        assert_eq!(entry.call(&routes, &at_home("engine")).status, 429);
    });
}

#[test]
fn a_neighbour_who_uses_up_the_address_locks_out_nobody_who_has_logged_in_there() {
    each(|bed, entry| {
        let limits = LoginLimits::builder()
            .per_address(3)
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        let here = |request: Request| entry.call(&routes, &request.from("192.0.2.1")).status;
        assert_eq!(here(login("ada", "engine")), 200);
        for name in ["x", "y", "z"] {
            assert_eq!(here(wrong(name)), 401);
        }
        assert_eq!(here(login("bob", "engine")), 429);
        assert_eq!(here(login("ada", "engine")), 200);
        // The failures of users who are known there count for the address.
        bed.advance(60);
        assert_eq!(
            [here(wrong("ada")), here(wrong("ada")), here(wrong("ada"))],
            [401; 3]
        );
        assert_eq!(here(wrong("x")), 429);
    });
}

#[test]
fn routes_that_share_limits_share_their_counts() {
    each(|bed, entry| {
        assert_eq!(statuses(entry, &bed.json(), &wrong("ada"), 10), [401; 10]);
        assert_eq!(entry.call(&bed.cookies(), &wrong("ada")).status, 429);
        bed.advance(60);
        let limits = LoginLimits::builder()
            .clock(bed.clock.clone())
            .build()
            .unwrap();
        let json = bed.json().login_limits(limits.clone());
        let cookies = bed.cookies().login_limits(limits);
        assert_eq!(statuses(entry, &json, &wrong("ada"), 10), [401; 10]);
        assert_eq!(entry.call(&cookies, &wrong("ada")).status, 429);
    });
}

#[test]
fn limits_can_be_turned_off_by_name() {
    each(|bed, entry| {
        let routes = bed.json().without_login_limits();
        let request = wrong("ada").from("192.0.2.1");
        assert_eq!(statuses(entry, &routes, &request, 120), [401; 120]);
        let limits = LoginLimits::builder()
            .without_address_limit()
            .clock(bed.clock.clone());
        let routes = bed.json().login_limits(limits.build().unwrap());
        for name in 0..120 {
            let request = wrong(&format!("user {name}")).from("192.0.2.1");
            assert_eq!(entry.call(&routes, &request).status, 401);
        }
        assert_eq!(statuses(entry, &routes, &request, 11)[10], 429);
    });
}

#[test]
fn contradictions_are_refused_when_limits_are_built() {
    let minute = Duration::from_secs(60);
    let builder = LoginLimits::builder;
    for bad in [
        builder().per_account(0),
        builder().per_address(0),
        builder().window(Duration::ZERO),
        builder().window(Duration::from_millis(1_500)),
        builder().window(minute * 60 + Duration::from_secs(1)),
    ] {
        assert!(matches!(bad.build(), Err(ConfigError::InvalidSetting(_))));
    }
    let both = builder().per_address(5).without_address_limit();
    assert!(matches!(both.build(), Err(ConfigError::Conflict(_))));
    let good = builder().per_account(1).per_address(1).window(minute * 60);
    assert!(good.build().is_ok());
    assert!(builder().without_address_limit().build().is_ok());
}

#[test]
fn a_thousand_parallel_guesses_have_ten_attempts() {
    let bed = Bed::new();
    let open = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let routes = slow(&bed, &open, &asked);
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..1_000 {
        let mut guess = answer(&routes, &wrong("ada"));
        match poll(&mut guess) {
            None => waiting.push(guess),
            Some(reply) => {
                assert_eq!(reply.status(), 429);
                refused += 1;
            }
        }
    }
    assert_eq!((waiting.len(), refused), (10, 990));
    // No other user waits for them.
    let mut bob = answer(&routes, &login("bob", "engine"));
    open.store(true, Ordering::SeqCst);
    assert_eq!(poll(&mut bob).unwrap().status(), 200);
    for mut guess in waiting {
        assert_eq!(poll(&mut guess).unwrap().status(), 401);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 11);
}

#[test]
fn a_guess_that_is_dropped_counts_and_a_good_login_gives_its_place_back() {
    let bed = Bed::new();
    let open = Arc::new(AtomicBool::new(false));
    let routes = slow(&bed, &open, &Arc::default());
    let begin = |password| {
        let mut guess = answer(&routes, &login("ada", password));
        poll(&mut guess);
        guess
    };
    let good: Vec<_> = (0..4).map(|_| begin("engine")).collect();
    for _ in 0..6 {
        drop(begin("motor"));
    }
    let mut over = answer(&routes, &login("ada", "engine"));
    assert_eq!(poll(&mut over).unwrap().status(), 429);
    open.store(true, Ordering::SeqCst);
    for mut login in good {
        assert_eq!(poll(&mut login).unwrap().status(), 200);
    }
    for status in [401, 401, 401, 401, 429] {
        let mut guess = answer(&routes, &wrong("ada"));
        assert_eq!(poll(&mut guess).unwrap().status(), status);
    }
}

#[test]
fn a_login_of_ones_own_has_the_limits_too() {
    let limits = LoginLimits::builder().per_account(2).build().unwrap();
    limits.attempt("ada", None).unwrap().failed();
    limits.attempt("ada", None).unwrap().undecided();
    limits.attempt("ada", None).unwrap().succeeded();
    drop(limits.attempt("ADA", None).unwrap());
    let refused: TooManyLogins = limits.attempt("ada", None).unwrap_err();
    assert!((1..=60).contains(&refused.retry_after().as_secs()));
    assert_eq!(Reply::from(&refused).status(), 429);
    assert!(limits.attempt("bob", None).is_ok());
}

/// Returns routes whose passwords are checked only when they are `open`.
fn slow(bed: &Bed, open: &Arc<AtomicBool>, asked: &Arc<AtomicUsize>) -> SessionRoutes {
    #[derive(Deserialize)]
    struct Login {
        name: String,
        password: String,
    }
    let (open, asked) = (Arc::clone(open), Arc::clone(asked));
    SessionRoutes::json(bed.sessions.clone(), move |question: SignIn<Login>| {
        let (open, asked) = (Arc::clone(&open), Arc::clone(&asked));
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            std::future::poll_fn(|_| match open.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            Ok::<_, io::Error>(match question {
                SignIn::Credentials(login) if login.password == "engine" => {
                    Some(Identity::new(login.name, json!({})))
                }
                _ => None,
            })
        }
    })
}

fn answer(routes: &SessionRoutes, request: &Request) -> Answer {
    routes.answer("/login", request, request.body.as_bytes())
}

/// Returns the reply of a future, if it is ready.
fn poll(future: &mut Answer) -> Option<Reply> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => Some(reply),
        Poll::Pending => None,
    }
}
