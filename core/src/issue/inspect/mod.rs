//! Claims, watched while they are written, so that they need not be read again.

pub(crate) mod summary;

use std::io::{self, Write};

use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

pub(crate) use self::summary::ClaimSummary;
use crate::claims::{ClaimSlot, LAST_SECOND, are_scopes};

/// Writes JSON as `serde_json` does, and knows plain claims when it sees them: one object of texts,
/// numbers and arrays of those, each name once, each registered claim of its type. Of any other
/// text it only says that it is not plain.
#[derive(Default)]
pub(super) struct ClaimInspector {
    state: State,
    not_before: Option<i64>,
    /// A mark of each name so far.
    marks: [u64; ClaimInspector::MOST_NAMES],
    names: usize,
}

/// The position in the text.
#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Start,
    /// In the object, and in none of its members.
    Object,
    /// In a name, of which nothing was written.
    Name,
    /// After a name whose value must be this.
    Named(Kind),
    /// In a value that must be this.
    Value(Kind),
    /// In the text of a scope.
    Scope,
    /// In an array.
    Array,
    End,
    /// Not plain.
    NotPlain,
}

/// The form that a value must have.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    NotBefore,
    Scope,
    Text,
}

impl ClaimInspector {
    /// Plain claims have no more names than this.
    const MOST_NAMES: usize = 24;

    /// Returns the summary of the claims, if they were plain.
    pub(super) fn given(&self) -> Option<ClaimSummary> {
        matches!(self.state, State::End).then_some(ClaimSummary {
            not_before: self.not_before,
            ..ClaimSummary::default()
        })
    }

    /// Returns the form that the value of this name must have, if the name is new.
    fn name(&mut self, name: &str) -> State {
        let kind = match ClaimSlot::registered(name) {
            // The names that `serde_json` keeps for itself.
            None if name.starts_with('$') => return State::NotPlain,
            None => Kind::Any,
            Some(
                ClaimSlot::ACR | ClaimSlot::CLIENT_ID | ClaimSlot::SESSION_ID | ClaimSlot::SUBJECT,
            ) => Kind::Text,
            Some(ClaimSlot::NOT_BEFORE) => Kind::NotBefore,
            Some(ClaimSlot::SCOPE) => Kind::Scope,
            Some(_) => return State::NotPlain,
        };
        // Equal names have equal marks. So may others have, which then are only not plain.
        let mark = name
            .bytes()
            .fold(0_u64, |mark, byte| mark.rotate_left(9) ^ u64::from(byte));
        let is_known = self.marks[..self.names].contains(&mark);
        match self.marks.get_mut(self.names).filter(|_| !is_known) {
            Some(free) => {
                *free = mark;
                self.names += 1;
                State::Named(kind)
            }
            None => State::NotPlain,
        }
    }

    fn number(&mut self, value: Option<i64>) {
        if let (State::Value(Kind::NotBefore), Some(0..=LAST_SECOND)) = (self.state, value) {
            self.not_before = value;
            self.state = State::Value(Kind::Any);
        }
    }
}

/// Returns whether it is a whole number in its usual spelling.
fn is_whole(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && !text.is_empty() && (text.len() == 1 || !text.starts_with('0'))
}

impl Formatter for &mut ClaimInspector {
    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.number(Some(value));
        CompactFormatter.write_i64(writer, value)
    }

    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.number(i64::try_from(value).ok());
        CompactFormatter.write_u64(writer, value)
    }

    fn write_number_str<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        // With `arbitrary_precision`, where any text can be a number.
        match is_whole(text) {
            true => self.number(text.parse().ok()),
            false => self.state = State::NotPlain,
        }
        CompactFormatter.write_number_str(writer, text)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Value(Kind::Scope) => State::Scope,
            State::Value(Kind::Text) => State::Value(Kind::Any),
            state => state,
        };
        CompactFormatter.begin_string(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        self.state = match self.state {
            State::Name => self.name(text),
            State::Named(_) => State::NotPlain,
            State::Scope if !are_scopes(text) => State::NotPlain,
            state => state,
        };
        CompactFormatter.write_string_fragment(writer, text)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.state = match self.state {
            State::Name | State::Named(_) | State::Scope => State::NotPlain,
            state => state,
        };
        CompactFormatter.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Value(Kind::Any) => State::Array,
            _ => State::NotPlain,
        };
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Array => State::Value(Kind::Any),
            _ => State::NotPlain,
        };
        CompactFormatter.end_array(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Start => State::Object,
            _ => State::NotPlain,
        };
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Object => State::End,
            _ => State::NotPlain,
        };
        CompactFormatter.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.state = match self.state {
            State::Object => State::Name,
            _ => State::NotPlain,
        };
        CompactFormatter.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Named(kind) => State::Value(kind),
            _ => State::NotPlain,
        };
        CompactFormatter.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.state = match self.state {
            State::Scope | State::Value(Kind::Any) => State::Object,
            _ => State::NotPlain,
        };
        CompactFormatter.end_object_value(writer)
    }

    fn write_raw_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        self.state = State::NotPlain;
        CompactFormatter.write_raw_fragment(writer, text)
    }
}

#[cfg(test)]
mod tests;
