//! A policy that is not required anywhere is a mistake.

#![deny(unused_must_use)]

use countersign::Policy;

fn main() {
    Policy::scope("orders:read");
}
