//! The growth of the cost of verification with the size of a token, from 500 bytes to 32 KiB.
//!
//! `cargo bench -p countersign --bench growth`
//!
//! Cost against size is a line, fitted by least squares. Its slope is compared with the work that
//! no library can avoid: HMAC-SHA-256 over the token, and one pass of `serde_json` over the
//! payload.

#[path = "harness/case.rs"]
mod case;
mod harness;
#[path = "harness/shape.rs"]
mod shape;

use std::{collections::BTreeMap, hint::black_box};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::Algorithm;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    case::{Case, SECRET, unix_now},
    harness::{Goal, Race, Table},
    shape::Fill,
};

const SIZES: [usize; 6] = [500, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10];
const ROUNDS: usize = 21;
/// The highest cost of a byte, relative to HMAC and `serde_json` over a byte.
const LIMIT: Goal = Goal::AtMost(1.5, 1.2);
/// The smallest share of the variance that the line has to explain.
const LINEAR: Goal = Goal::AtLeast(0.98, 0.999);

/// Claims with one long text.
#[derive(Deserialize)]
#[allow(dead_code)] // it is only read
struct WithText {
    iss: String,
    exp: u64,
    text: String,
}

/// Claims with any number of members.
#[derive(Deserialize)]
#[allow(dead_code)] // it is only read
struct WithMembers {
    iss: String,
    aud: String,
    exp: u64,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

/// Claims with one long scope.
#[derive(Deserialize)]
#[allow(dead_code)] // it is only read
struct WithScope {
    iss: String,
    exp: u64,
    scope: String,
}

fn main() {
    let mut table = Table::new();
    let case = Case::new(Algorithm::HS256);
    shape::<WithText>(&mut table, &case, "one long text", shape::text);
    shape::<WithMembers>(&mut table, &case, "many small claims", shape::members);
    shape::<WithScope>(&mut table, &case, "one long scope", shape::scopes);
    table.finish();
}

fn shape<T>(table: &mut Table, case: &Case, name: &str, fill: Fill)
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let verifier = case
        .verifier()
        .max_token_bytes(64 << 10)
        .build()
        .expect("complete settings");
    let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let claims = shape::good_claims(unix_now() + 3_600);
    let mut points: [Vec<(f64, f64)>; 3] = Default::default();
    for size in SIZES {
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        let token = shape::token(&case.key, header, &claims, fill, size).expect("room");
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        let (_, payload) = signed.split_once('.').expect("two parts");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let ours = || {
            verifier
                .verify_now_as::<T>(black_box(&token))
                .expect("a good token")
        };
        let outcome = Race::new()
            .add("ours", ours)
            .add("hmac", || hmac::sign(&secret, black_box(signed.as_bytes())))
            .add("json", || {
                serde_json::from_slice::<T>(black_box(&payload)).expect("a T")
            })
            .run_rounds(ROUNDS);
        for (points, name) in points.iter_mut().zip(["ours", "hmac", "json"]) {
            #[allow(clippy::cast_precision_loss)] // sizes are small
            points.push((token.len() as f64, outcome.cost(name)));
        }
    }
    let [(ours, share), (hmac, _), (json, _)] = points.each_ref().map(|points| line(points));
    table.row(
        &format!("a byte more / HMAC-SHA-256 and one JSON pass: {name}, HS256"),
        LIMIT,
        ours / (hmac + json),
        "x",
        &format!("per byte {ours:.2}, HMAC {hmac:.2}, JSON {json:.2}"),
    );
    let figure = format!("linear from 500 bytes to 32 KiB (R²): {name}, HS256");
    table.row(&figure, LINEAR, share, "", "");
}

/// Returns the slope of the line through these points, and the share of the variance that it
/// explains.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss)] // there are few
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (x, y) = (x - x_mean, y - y_mean);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    (xy / xx, xy * xy / (xx * yy))
}
