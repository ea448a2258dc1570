//! Tests with threads: tenants come and go under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use countersign::AuthErrorKind;

use crate::app::{App, issuer, refusal};

#[test]
fn tenants_come_and_go_under_load() {
    const ROUNDS: usize = 300;

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = App::new(&["stays"]);
    let (tenants, authenticator) =
        runtime.block_on(async { app.start(|own| own.new_per_minute(6_000).capacity(100)) });
    let (is_over, checked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    // Tokens of a tenant that is there are never refused, whatever happens to others.
    let steady: Vec<_> = (0..2)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), app.token("stays"));
            let (is_over, checked) = (Arc::clone(&is_over), Arc::clone(&checked));
            let handle = runtime.handle().clone();
            thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(handle.block_on(refusal(&authenticator, &token)), None);
                    checked.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    // One that comes is let in from then on, and one that goes is not.
    let changing: Vec<_> = (0..2)
        .map(|number| {
            let name = format!("changes-{number}");
            let (app, tenants) = (app.clone(), tenants.clone());
            let (authenticator, token) = (authenticator.clone(), app.token(&name));
            let handle = runtime.handle().clone();
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    app.create(&name);
                    tenants.forget(&issuer(&name));
                    let ask = || handle.block_on(refusal(&authenticator, &token));
                    assert_eq!(ask(), None, "{name} {round}");
                    assert_eq!(ask(), None, "{name} {round}");
                    if round % 2 == 0 {
                        app.delete(&name);
                    }
                    tenants.remove(&issuer(&name));
                    for _ in 0..3 {
                        let kind = ask();
                        assert_eq!(kind, Some(AuthErrorKind::UnknownIssuer), "{name} {round}");
                    }
                }
            })
        })
        .collect();
    for thread in changing {
        thread.join().unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    for thread in steady {
        thread.join().unwrap();
    }
    assert!(checked.load(Ordering::SeqCst) > ROUNDS, "{checked:?}");
    assert_eq!(tenants.len(), 1);
}
