//! Tests of settings out of bounds, and of what excludes each other.

use std::time::Duration;

use countersign::{DynamicIssuersBuilder as Builder, Issuers};

use crate::app::{App, issuer, names, refusal};

/// Makes a setting.
type Set<'s> = &'s dyn Fn(Builder, u64) -> Builder;

#[test]
fn a_setting_out_of_bounds_is_refused_and_its_nearest_neighbour_is_not() {
    let app = App::new(&[]);
    let size = |n: u64| usize::try_from(n).unwrap();
    let settings: [(&str, Set<'_>, &[u64], &[u64]); 5] = [
        (
            "`capacity`",
            &|own, n| own.capacity(size(n)),
            &[0, 10_001],
            &[1, 10_000],
        ),
        (
            "`new_per_minute`",
            &|own, n| own.new_per_minute(size(n)),
            &[0, 6_001],
            &[1, 6_000],
        ),
        (
            "`unknown_for`",
            &|own, n| own.unknown_for(Duration::from_secs(n)),
            &[0, 601],
            &[1, 600],
        ),
        (
            "`idle_after`",
            &|own, n| own.idle_after(Duration::from_secs(n)),
            &[604_801],
            &[0, 604_800],
        ),
        (
            "`max_token_bytes`",
            &|own, n| own.max_token_bytes(size(n)),
            &[0, 65_537],
            &[1, 65_536],
        ),
    ];
    for (name, set, bad, good) in settings {
        for value in bad {
            names(set(app.builder(), *value).build(), name);
        }
        for value in good {
            assert!(set(app.builder(), *value).build().is_ok(), "{name} {value}");
        }
    }
}

#[test]
fn a_fallback_and_a_second_resolver_exclude_the_first() {
    let app = App::new(&[]);
    let tenants = || app.builder().build().unwrap();
    let fixed = || Issuers::new([app.verifier("https://login.example").build().unwrap()]).unwrap();
    let any = countersign::Verifier::builder(app.keys.key())
        .any_issuer()
        .any_audience();
    let any = any.build().unwrap();
    let with = fixed().with_fallback(any.clone()).unwrap();
    names(with.with_dynamic(tenants()), "`with_fallback`");
    let with = fixed().with_dynamic(tenants()).unwrap();
    names(with.clone().with_fallback(any.clone()), "`with_dynamic`");
    names(with.with_dynamic(tenants()), "resolver already");
    names(
        Issuers::dynamic(tenants()).with_fallback(any.clone()),
        "`with_dynamic`",
    );
    names(Issuers::from(any).with_dynamic(tenants()), "`any_issuer`");
    let one: Issuers = app
        .verifier("https://login.example")
        .build()
        .unwrap()
        .into();
    let debug = format!("{:?}", one.with_dynamic(tenants()).unwrap());
    assert!(
        debug.contains("https://login.example") && debug.contains("capacity: 1000"),
        "{debug}"
    );
}

#[test]
fn a_verifier_that_is_added_is_for_one_issuer_in_the_usual_form() {
    let app = App::new(&[]);
    let tenants = app.builder().build().unwrap();
    for name in [
        "http://id.example",
        "https://id.example:443",
        "https://ID.example",
        "any name",
    ] {
        names(tenants.add(&app.verifier(name).build().unwrap()), name);
    }
    let two = app.verifier(&issuer("a")).issuer("https://other.example");
    names(tenants.add(&two.build().unwrap()), "exactly one issuer");
    tenants
        .add(&app.verifier(&issuer("a")).build().unwrap())
        .unwrap();
    assert_eq!(tenants.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn http_is_for_tests_that_ask_for_it() {
    let app = App::new(&[]);
    let name = "http://127.0.0.1:8080/a";
    let verifier = app.verifier(name).build().unwrap();
    for (tenants, is_accepted) in [
        (app.builder().build().unwrap(), false),
        (app.builder().loopback_http().build().unwrap(), true),
    ] {
        assert_eq!(tenants.add(&verifier).is_ok(), is_accepted);
        let authenticator = countersign::Authenticator::new(Issuers::dynamic(tenants));
        let kind = refusal(&authenticator, &app.token_of(name)).await;
        assert_eq!(kind.is_none(), is_accepted);
    }
}
