//! Deserializers that stand around another one and ask it for just what they are asked for.

/// Writes the methods of a `Deserializer` that hand the type's own wish on, by its method `read`.
///
/// A wish must not be lost: asked for anything, `serde_json` reads more than it does when it is asked
/// for a string or a map, and so a type would fit a payload that it does not fit by itself.
macro_rules! same_hints {
    () => {
        same_hints! {
            deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
            deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
            deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
            deserialize_str deserialize_string deserialize_option deserialize_unit deserialize_seq
            deserialize_map deserialize_identifier
        }
    };
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
                self.read(visitor, |inner, visitor| inner.$method(visitor))
            }
        )*

        // A byte string may hold what no text can, so it is read without the user's type first.
        fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.read(visitor, |_, _| Err(Self::Error::custom("no bytes in one pass")))
        }

        fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.deserialize_bytes(visitor)
        }

        fn deserialize_unit_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| inner.deserialize_unit_struct(name, visitor))
        }

        // Raw JSON text is not looked into, so nothing in it would be checked.
        fn deserialize_newtype_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| match name {
                SERDE_RAW_VALUE => Err(Self::Error::custom("no raw JSON in one pass")),
                _ => inner.deserialize_newtype_struct(name, visitor),
            })
        }

        fn deserialize_tuple<V: Visitor<'de>>(
            self,
            length: usize,
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| inner.deserialize_tuple(length, visitor))
        }

        fn deserialize_tuple_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            length: usize,
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| inner.deserialize_tuple_struct(name, length, visitor))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| inner.deserialize_struct(name, fields, visitor))
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            name: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.read(visitor, |inner, visitor| inner.deserialize_enum(name, variants, visitor))
        }
    };
}

pub(super) use same_hints;
