//! Lines for the operator, which may go unread: a pipe that is closed at its other end is no reason
//! to panic, as `println!` and `eprintln!` do.

use std::{
    fmt::Display,
    io::{Write, stderr, stdout},
};

/// Writes a line to standard output.
pub fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// Writes a line to standard error.
pub fn complain(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}
