//! The way to mint one case.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    Request,
    hostile::{
        Case,
        mint::{
            signers::{Signer, Signers},
            text::{Piece, encoded, pieces},
            times,
            twist::Twist,
        },
    },
};

/// The payload of a good token, which some hostile signatures cover.
const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"https://api.example","sub":"user-1","iat":1799999970,"nbf":1799999970,"exp":1800000300,"jti":"jti-1","client_id":"client-1","scope":"read"}"#;
/// The lengths of signatures in bytes, from the shortest to the longest, and some more.
const SIGNATURES: RangeInclusive<usize> = 8..=600;
/// The most pieces between a signature and its header and payload: they are close together, even in
/// JSON.
const REACH: usize = 5;

/// The way to mint a case for another time.
pub struct Recipe {
    request: Request,
    now: i64,
    target: Vec<Step>,
    headers: Vec<Vec<Step>>,
}

/// The new parts of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Minted {
    /// Nothing is new: the case has no time that could be moved.
    AsItStands,
    /// Its times are new; its signature is hostile in itself, and keeps its bytes.
    Moved,
    /// Its times are new, and it is signed again.
    SignedAgain,
}

/// A change to one piece of a text.
enum Step {
    /// Move the times in it.
    Move(Piece),
    /// Treat it as a text with pieces of its own.
    Nested(Piece, Vec<Step>),
    /// Sign again.
    Sign(Piece, Signed),
}

/// The signer of a signature, the text it covers, and what was done to it.
struct Signed {
    header: Vec<u8>,
    payload: Payload,
    signer: Arc<Signer>,
    twist: Twist,
}

/// The signed payload.
#[derive(Clone)]
struct Payload(Piece);

impl Recipe {
    pub(super) fn new(signers: &Signers, case: &Case) -> Self {
        let request = case.request();
        let headers = request.headers.iter();
        Self {
            target: steps(signers, case.now, request.target.as_bytes()),
            headers: headers
                .map(|(_, value)| steps(signers, case.now, value))
                .collect(),
            now: case.now,
            request,
        }
    }

    /// Returns which parts of the case are new.
    #[must_use]
    pub fn minted(&self) -> Minted {
        let all = self.headers.iter().chain([&self.target]).flatten();
        all.map(Step::minted).max().unwrap_or(Minted::AsItStands)
    }

    /// Returns the request, for this time.
    ///
    /// The request is a function of the time, unless the algorithm signs with randomness.
    #[must_use]
    pub fn request(&self, now: i64) -> Request {
        let time = (self.now, now - self.now);
        let mut request = self.request.clone();
        let target = written(request.target.as_bytes(), &self.target, time);
        request.target = String::from_utf8(target).expect("a text, but for some of its digits");
        for ((_, value), steps) in request.headers.iter_mut().zip(&self.headers) {
            *value = written(value, steps, time);
        }
        request
    }
}

impl Step {
    fn piece(&self) -> &Piece {
        match self {
            Self::Move(piece) | Self::Nested(piece, _) | Self::Sign(piece, _) => piece,
        }
    }

    fn minted(&self) -> Minted {
        match self {
            Self::Move(_) => Minted::Moved,
            Self::Nested(_, steps) => {
                let all = steps.iter().map(Self::minted);
                all.max().unwrap_or(Minted::AsItStands)
            }
            Self::Sign(..) => Minted::SignedAgain,
        }
    }

    fn bytes(&self, time: (i64, i64)) -> Vec<u8> {
        match self {
            Self::Move(piece) => moved(piece, time),
            Self::Nested(piece, steps) => written(&piece.bytes, steps, time),
            Self::Sign(_, signed) => {
                let payload = signed.payload.0.written(&moved(&signed.payload.0, time));
                let message = [&*signed.header, b".", &payload].concat();
                signed.twist.redo(&signed.signer.sign(&message))
            }
        }
    }
}

/// Applies the steps to a text: `time` is the time it was for, and how far to move it.
fn written(text: &[u8], steps: &[Step], time: (i64, i64)) -> Vec<u8> {
    let mut rest = 0;
    let mut written = Vec::new();
    for step in steps {
        let piece = step.piece();
        written.extend_from_slice(&text[rest..piece.range.start]);
        written.extend(piece.written(&step.bytes(time)));
        rest = piece.range.end;
    }
    written.extend_from_slice(&text[rest..]);
    written
}

fn moved(piece: &Piece, (now, delta): (i64, i64)) -> Vec<u8> {
    times::moved(&piece.bytes, now, delta).unwrap_or_else(|| piece.bytes.clone())
}

/// Returns the steps for a text, in order.
fn steps(signers: &Signers, now: i64, text: &[u8]) -> Vec<Step> {
    let all = pieces(text);
    let mut steps = Vec::new();
    for (index, piece) in all.iter().enumerate() {
        let near = index.saturating_sub(REACH)..all.len().min(index + REACH + 1);
        let others = near
            .filter(|other| *other != index)
            .map(|other| &all[other]);
        if times::moved(&piece.bytes, now, 0).is_some() {
            steps.push(Step::Move(piece.clone()));
        } else if piece.bytes.starts_with(b"eyJ") {
            let inner = self::steps(signers, now, &piece.bytes);
            steps.push(Step::Nested(piece.clone(), inner));
        } else if SIGNATURES.contains(&piece.bytes.len())
            && let Some(signed) = signed(signers, now, piece, &others.collect::<Vec<_>>())
        {
            steps.push(Step::Sign(piece.clone(), signed));
        }
    }
    steps
}

/// Finds the signer of a signature and the text it covers, if there is one.
fn signed(signers: &Signers, now: i64, signature: &Piece, others: &[&Piece]) -> Option<Signed> {
    let standard = Piece {
        range: 0..0,
        text: encoded(CLAIMS.as_bytes()).into_bytes(),
        bytes: CLAIMS.as_bytes().to_vec(),
    };
    let has_times = |piece: &&&Piece| times::moved(&piece.bytes, now, 0).is_some();
    let payloads = others.iter().filter(has_times).copied();
    let payloads: Vec<&Piece> = payloads.chain([&standard]).collect();
    let embedded = others
        .iter()
        .map(|piece| &*piece.bytes)
        .find(|bytes| bytes.starts_with(b"{"));
    let signers = signers.with_secret_in(embedded.unwrap_or_default());

    for signer in &signers {
        let usual = encoded(signer.header.as_bytes()).into_bytes();
        let undone = Twist::undone(&signature.bytes, signer.length());
        for (twist, genuine) in undone {
            let headers = others.iter().map(|piece| &piece.text).chain([&usual]);
            for header in headers {
                for payload in &payloads {
                    let message = [&**header, b".", &payload.text].concat();
                    if signer.has_signed(&message, &genuine) {
                        return Some(Signed {
                            header: header.clone(),
                            payload: Payload((*payload).clone()),
                            signer: Arc::clone(signer),
                            twist,
                        });
                    }
                }
            }
        }
    }
    cut(&signers, signature, others, &payloads)
}

/// Finds the signer of a truncated signature: the key that its header names, as far as this can be
/// determined.
fn cut(
    signers: &[Arc<Signer>],
    signature: &Piece,
    others: &[&Piece],
    payloads: &[&Piece],
) -> Option<Signed> {
    let by = |header: &&&Piece| {
        let named = |signer: &&Arc<Signer>| signer.header.as_bytes() == header.bytes;
        signers.iter().find(named)
    };
    let header = others.iter().find(|header| by(header).is_some())?;
    let signer = by(&header)?;
    let length = signer.length();
    let twist = if signer.is_deterministic() {
        let message = [&*header.text, b".", &payloads.first()?.text].concat();
        let genuine = signer.sign(&message);
        let is_cut = genuine.starts_with(&signature.bytes) && signature.bytes.len() > 8;
        is_cut.then_some(Twist::Cut(signature.bytes.len()))?
    } else {
        Twist::lossy(&signature.bytes, length)?
    };
    Some(Signed {
        header: header.text.clone(),
        payload: Payload((*payloads.first()?).clone()),
        signer: Arc::clone(signer),
        twist,
    })
}
