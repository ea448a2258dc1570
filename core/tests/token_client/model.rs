//! A model of rotation and outages: at each second, a call gets a token that is valid, if there is one.

use std::time::Duration;

use countersign::remote::FetchResponse;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, Mode};

/// What happens next, and for how many seconds.
#[derive(Clone, Debug)]
enum Step {
    Away(u64),
    Error(u16, u64),
    Grant(u64, u64),
    Refused(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = 1..200_u64;
    prop_oneof![
        seconds.clone().prop_map(Step::Away),
        (
            prop_oneof![Just(500), Just(503), Just(429)],
            seconds.clone()
        )
            .prop_map(|(status, seconds)| Step::Error(status, seconds)),
        (1..600_u64, seconds.clone()).prop_map(|(life, seconds)| Step::Grant(life, seconds)),
        seconds.prop_map(Step::Refused),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nobody_goes_without_a_token_that_is_valid(steps in prop::collection::vec(step(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(play(&steps))?;
    }
}

async fn play(steps: &[Step]) -> Result<(), TestCaseError> {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    for step in steps {
        let seconds = match step {
            Step::Away(seconds) => {
                endpoint.set(Mode::Away);
                *seconds
            }
            Step::Error(status, seconds) => {
                endpoint.set(Mode::Answer(FetchResponse::new(*status, "")));
                *seconds
            }
            Step::Grant(life, seconds) => {
                endpoint.set(Mode::Grant(*life));
                *seconds
            }
            Step::Refused(seconds) => {
                endpoint.refuse("invalid_scope");
                *seconds
            }
        };
        for _ in 0..seconds {
            let (before, now) = (endpoint.requests(), Instant::now());
            // For the way to the service, a tenth of the life at most ten seconds, a token is not given out.
            // The last one counts: an endpoint that has begun to grant shorter lives means it.
            let is_there = {
                let state = endpoint.state();
                let last = state.granted.get(&format!("token-{}", state.granted.len()));
                last.is_some_and(|end| *end > now + Duration::from_secs(12))
            };
            match client.token().await {
                Ok(token) => prop_assert!(endpoint.is_valid(token.as_str()), "{token:?}"),
                Err(_) => prop_assert!(!is_there, "a valid token was there"),
            }
            prop_assert!(endpoint.requests() - before <= 1);
            sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(())
}
