//! The prefix of the names of all tables.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::SetupError;

/// The beginning of the names of all tables and indices of one store, checked so that it can stand in a
/// statement.
#[derive(Clone)]
pub(crate) struct TablePrefix(Arc<str>);

impl TablePrefix {
    /// With the longest name that follows it, it has to fit into the 63 bytes of PostgreSQL.
    const LONGEST: usize = 40;

    /// The default is `countersign_`.
    pub(crate) fn new(text: Option<&str>) -> Result<Self, SetupError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        match begins_well && text.len() <= Self::LONGEST && text.bytes().all(plain) {
            true => Ok(Self(text.into())),
            false => Err(SetupError::InvalidPrefix),
        }
    }

    /// Completes a statement of this crate, in which `@` stands before the name of each table.
    pub(crate) fn sql(&self, statement: &'static str) -> SqlStr {
        AssertSqlSafe(self.name(statement)).into_sql_str()
    }

    /// Completes a text that is only shown.
    pub(crate) fn name(&self, text: &str) -> String {
        text.replace('@', &self.0)
    }
}

impl Default for TablePrefix {
    fn default() -> Self {
        Self("countersign_".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_name_that_needs_no_quotes() {
        for good in ["a", "shop_", "x9_y", "countersign_", &"a".repeat(40)] {
            let prefix = TablePrefix::new(Some(good)).unwrap();
            assert_eq!(prefix.name("@sessions"), format!("{good}sessions"));
        }
        let hostile = "a; DROP TABLE users; --";
        let long = "a".repeat(41);
        for bad in [
            "",
            "_a",
            "9a",
            "Shop_",
            "shop-",
            "sh\u{f6}p_",
            "a b",
            "a.",
            "a\"",
            "@",
            &long,
            hostile,
        ] {
            assert!(TablePrefix::new(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
