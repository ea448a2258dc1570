//! The shared memory of the concurrent parts: types of `std` and of four crates. In a build of the
//! models (`crate::models`), loom's types and stand-ins take their place.
//!
//! Only memory that one thread reads while another one writes it goes through here. Reference counts,
//! counters that make numbers unique, and cells that are written once stay with `std`: nothing relies
//! on an order between them and anything else.

#[cfg(not(all(test, countersign_loom)))]
mod real;
#[cfg(countersign_loom)]
#[cfg(test)]
mod stand_in;

#[cfg(not(all(test, countersign_loom)))]
pub(crate) use crate::sync::real::*;
#[cfg(all(test, countersign_loom))]
pub(crate) use crate::sync::stand_in::*;
